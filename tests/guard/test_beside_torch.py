"""What guards leave alone in torch: results, gradients, other modes, unusual tensors."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from shapecheck.core.errors import BroadcastError
from shapecheck.runtime.guard import guard
from tests.guard.programs import column_and_row, outer


def test_other_function_modes_keep_their_place() -> None:
    class Count(TorchFunctionMode):
        calls = 0

        def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            self.calls += 1
            return func(*args, **(kwargs or {}))

    with guard(), Count() as inside, torch.device("meta"), guard():
        torch.rand(3).add(1)
        with pytest.raises(BroadcastError):
            outer(*column_and_row())
    assert inside.calls >= 2
    with Count() as around, guard():
        torch.rand(3).add(1)
    assert around.calls == 2
    with pytest.raises(BroadcastError) as caught, guard(), Count():
        outer(*column_and_row())
    assert caught.value.expression == "a * b"


def test_what_backward_recomputes_is_guarded_if_it_is_decorated() -> None:
    @guard
    def block(x: Tensor) -> Tensor:
        return x.exp() * x

    x = torch.rand(4, requires_grad=True)
    with guard():
        torch.utils.checkpoint.checkpoint(block, x, use_reentrant=False).sum().backward()
    assert x.grad is not None


@pytest.mark.parametrize("options", [{}, {"finite": True}, {"broadcast": "allow", "dims": True}], ids=str)
def test_results_and_gradients_are_bitwise_those_of_the_bare_program(options: dict[str, object]) -> None:
    def program() -> list[Tensor]:
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.LazyLinear(5)
        )
        optimizer = torch.optim.AdamW(model.parameters())
        for _ in range(2):
            loss = F.cross_entropy(model(torch.rand(4, 1, 8, 8)), torch.arange(4))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return [loss, *model.state_dict().values(), *(p.grad for p in model.parameters() if p.grad is not None)]

    bare = program()
    with guard(**options):
        guarded = program()
    assert all(torch.equal(one, other) for one, other in zip(bare, guarded, strict=True))


def test_tensors_without_an_ordinary_shape_pass() -> None:
    nested = torch.nested.nested_tensor([torch.rand(2, 3), torch.rand(4, 3)])
    jagged = torch.nested.nested_tensor([torch.rand(2, 3), torch.rand(4, 3)], layout=torch.jagged)
    sparse = torch.rand(4, 4).to_sparse()
    with guard():
        _ = nested * 2 + nested
        _ = jagged * 2 + jagged
        _ = sparse * 2 + sparse
        _ = sparse.sum(1)
        _ = torch.rand(4, 4, device="meta") + torch.rand(4, device="meta")


def test_fake_tensors_are_checked_without_data() -> None:
    from torch._subclasses import FakeTensorMode

    with FakeTensorMode():
        a, b = column_and_row()
        with pytest.raises(BroadcastError), guard():
            outer(a, b)


def test_guarded_tensors_carry_nothing(tmp_path: Path) -> None:
    with guard():
        total = torch.rand(3, 3).sum(1)
    assert vars(total) == {}
    torch.save(total, tmp_path / "total.pt")
    assert torch.equal(torch.load(tmp_path / "total.pt", weights_only=True), total)


def doubled(x: Tensor) -> Tensor:
    return x * 2


def through_a_global(x: Tensor) -> Tensor:
    return doubled(x) + 1


@guard
class Scripted(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return doubled(x) + 1


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.parametrize("subject", [guard(through_a_global), Scripted()], ids=["function", "module"])
def test_torchscript_finds_the_names_of_the_users_module(subject: object) -> None:
    assert torch.jit.script(subject)(torch.ones(2)).tolist() == [3.0, 3.0]
