"""Rule `finite` under a `GradScaler`, which finds its scale by gradients that overflow."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler

from shapecheck.core.errors import NonFiniteError
from shapecheck.runtime.guard import guard


def too_large() -> GradScaler:
    """A scaler whose first steps overflow even in float32."""
    return GradScaler("cpu", init_scale=2.0**127)


def model_and_optimizer() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    return model, torch.optim.AdamW(model.parameters())


def loss_of(model: nn.Module) -> Tensor:
    return F.cross_entropy(model(50 * torch.rand(6, 4)) * 50, torch.tensor([0, 1, 2, 0, 1, 2]))


def plain(scaler: GradScaler) -> None:
    model, optimizer = model_and_optimizer()
    for _ in range(4):
        optimizer.zero_grad()
        scaler.scale(loss_of(model)).backward()
        scaler.step(optimizer)
        scaler.update()


def clipping(scaler: GradScaler) -> None:
    """Clipping gradients of infinite norm multiplies inf by 0."""
    model, optimizer = model_and_optimizer()
    for _ in range(4):
        optimizer.zero_grad()
        scaler.scale(loss_of(model)).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()


def accumulating(scaler: GradScaler) -> None:
    model, optimizer = model_and_optimizer()
    for _ in range(2):
        for _ in range(2):
            scaler.scale(loss_of(model) / 2).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()


def gradient_penalty(scaler: GradScaler) -> None:
    """As in torch's own examples of automatic mixed precision."""
    model, optimizer = model_and_optimizer()
    for _ in range(3):
        optimizer.zero_grad()
        loss = loss_of(model)
        scaled = torch.autograd.grad(scaler.scale(loss), list(model.parameters()), create_graph=True)
        gradients = [gradient / scaler.get_scale() for gradient in scaled]
        penalty = torch.stack([gradient.pow(2).sum() for gradient in gradients]).sum().sqrt()
        scaler.scale(loss + penalty).backward()
        scaler.step(optimizer)
        scaler.update()


@pytest.mark.parametrize("program", [plain, clipping, accumulating, gradient_penalty], ids=lambda one: one.__name__)
def test_overflow_that_the_scaler_deals_with_is_no_violation(program: object) -> None:
    scaler = too_large()
    with guard(finite=True):
        program(scaler)  # type: ignore[operator]
    assert scaler.get_scale() < 2.0**127  # it did overflow


def test_overflow_after_the_guard_is_no_violation_either() -> None:
    model, optimizer = model_and_optimizer()
    model.forward = guard(finite=True)(model.forward)  # type: ignore[method-assign]
    scaler = too_large()
    scaler.scale(loss_of(model)).backward()
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() < 2.0**127


def test_what_the_forward_makes_is_reported_under_a_scaler_too() -> None:
    scaler, weight = too_large(), torch.zeros(3, requires_grad=True)
    with pytest.raises(NonFiniteError) as caught, guard(finite=True):
        scaler.scale(weight.log().sum()).backward()
    assert caught.value.expression == "weight.log()"


def test_gradient_that_no_scale_would_save_is_reported_once_the_scale_is_used_up() -> None:
    weight = nn.Parameter(torch.zeros(3))
    optimizer, scaler = torch.optim.SGD([weight]), GradScaler("cpu", init_scale=8.0)

    def train() -> None:
        for _ in range(10):
            optimizer.zero_grad()
            scaler.scale(weight.sqrt().sum()).backward()
            scaler.step(optimizer)
            scaler.update()

    with pytest.raises(NonFiniteError) as caught, guard(finite=True):
        train()
    assert (caught.value.node, scaler.get_scale()) == ("SqrtBackward0", 1.0)
    assert torch.equal(weight.detach(), torch.zeros(3))


def test_loss_that_was_scaled_before_another_backward_is_excused() -> None:
    weight, scaler = torch.ones(3, requires_grad=True), too_large()
    with guard(finite=True):
        first, second = scaler.scale(weight.sum()), scaler.scale((weight * 1e30).sum())
        first.backward()
        second.backward()
    assert weight.grad is not None
    assert not weight.grad.isfinite().all()


def test_scaler_that_is_switched_off_excuses_nothing() -> None:
    scaler, weight = GradScaler("cpu", enabled=False), torch.zeros(3, requires_grad=True)
    with pytest.raises(NonFiniteError, match="SqrtBackward0"), guard(finite=True):
        scaler.scale(weight.sqrt().sum()).backward()


def test_scaler_of_another_model_excuses_nothing() -> None:
    scaler, weight = too_large(), torch.zeros(3, requires_grad=True)
    scaler.scale(torch.ones(1))
    with pytest.raises(NonFiniteError, match="SqrtBackward0"), guard(finite=True):
        weight.sqrt().sum().backward()
