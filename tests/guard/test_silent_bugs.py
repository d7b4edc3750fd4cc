"""Bugs whose sizes fit: torch computes each of these without an error, and a guard at the default level raises.

Every program is one that people write: reductions, losses, advantages, weights, normalizations. `SILENT` runs each
bare first, so a bug that torch itself has learned to refuse fails here. What only names or nothing can see is below.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shapecheck.core.errors import BroadcastError, KeepdimError, ShapeError
from shapecheck.runtime.guard import FirstCall, guard

Bug = Callable[[], object]
CAUGHT: list[tuple[Bug, type[ShapeError]]] = []
MISSED: list[Bug] = []


def caught(kind: type[ShapeError]) -> Callable[[Bug], Bug]:
    def add(bug: Bug) -> Bug:
        CAUGHT.append((bug, kind))
        return bug

    return add


def missed(bug: Bug) -> Bug:
    MISSED.append(bug)
    return bug


def rows(n: int = 6, d: int = 3) -> Tensor:
    return torch.rand(n, d) + 0.1


# one dim too many on one side ---------------------------------------------------------------------------------------


@caught(BroadcastError)
def regression_residual() -> Tensor:
    prediction, target = nn.Linear(3, 1)(rows()), torch.rand(6)
    return (prediction - target).pow(2).mean()


@caught(BroadcastError)
def residual_by_abs_of_difference() -> Tensor:
    prediction, target = nn.Linear(3, 1)(rows()), torch.rand(6)
    return torch.abs(torch.sub(prediction, target)).mean()


@caught(BroadcastError)
def accuracy_of_column_guesses() -> float:
    guesses, labels = nn.Linear(3, 1)(rows()) > 0, torch.rand(6) > 0.5
    return (guesses == labels).float().mean().item()


@caught(BroadcastError)
def advantage() -> Tensor:
    returns, values = torch.rand(8), torch.rand(8, 1)
    return returns - values


@caught(BroadcastError)
def policy_gradient() -> Tensor:
    log_probability, advantage = torch.rand(8), torch.rand(8, 1)
    return -(log_probability * advantage).mean()


@caught(BroadcastError)
def clipped_ratio() -> Tensor:
    new, old, advantage = torch.rand(8, 1), torch.rand(8), torch.rand(8)
    ratio = (new - old).exp()
    return torch.min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()


@caught(BroadcastError)
def bellman_target() -> Tensor:
    reward, done, bootstrap = torch.rand(8), torch.zeros(8), torch.rand(8, 1)
    return reward + 0.99 * bootstrap * (1 - done)


@caught(BroadcastError)
def per_example_weights() -> Tensor:
    losses, weights = torch.rand(6), torch.rand(6, 1)
    return (losses * weights).mean()


@caught(BroadcastError)
def where_on_a_column() -> Tensor:
    keep, a, b = torch.rand(6) > 0.5, torch.rand(6, 1), torch.rand(6, 1)
    return torch.where(keep, a, b)


@caught(BroadcastError)
def maximum_of_critics() -> Tensor:
    first, second = torch.rand(8, 1), torch.rand(8)
    return torch.minimum(first, second)


@caught(BroadcastError)
def lerp_of_ensemble() -> Tensor:
    a, b, weight = torch.rand(6), torch.rand(6), torch.rand(6, 1)
    return torch.lerp(a, b, weight)


@caught(BroadcastError)
def fused_multiply_add() -> Tensor:
    running, grad, scale = torch.rand(6), torch.rand(6), torch.rand(6, 1)
    return torch.addcmul(running, grad, scale)


@caught(BroadcastError)
def clamp_to_row_limits() -> Tensor:
    values, limits = torch.rand(6, 1), torch.rand(6)
    return values.clamp(max=limits)


@caught(BroadcastError)
def logits_to_the_power() -> Tensor:
    base, exponent = torch.rand(6, 1), torch.rand(6)
    return base**exponent


@caught(BroadcastError)
def reflected_subtraction() -> Tensor:
    column = torch.rand(6, 1)
    return torch.rand(6).__rsub__(column)


@caught(BroadcastError)
def allclose_of_column_and_row() -> bool:
    a = torch.ones(6, 1)
    return torch.allclose(a, torch.ones(6))


@caught(BroadcastError)
def camera_offset() -> Tensor:
    """(b, 3, 1, 1) against (b, 3) with b == 3: what was pooled kept its last dims."""
    pooled, offset = torch.rand(3, 3, 1, 1), torch.rand(3, 3)
    return pooled + offset


@caught(BroadcastError)
def per_example_mask_on_sequence() -> Tensor:
    scores, mask = torch.rand(4, 1, 7), torch.rand(4, 7)
    return scores * mask


@caught(BroadcastError)
def unsqueezed_on_an_earlier_line() -> Tensor:
    prediction, target = torch.rand(6), torch.rand(6)
    target = target.unsqueeze(1)
    return (prediction - target).square().mean()


@caught(BroadcastError)
def kept_dim_of_a_pooling() -> Tensor:
    energy = torch.rand(5, 8).mean(1, keepdim=True)
    reference = torch.rand(5)
    return energy / reference


@caught(BroadcastError)
def r_squared() -> Tensor:
    prediction, target = torch.rand(6, 1), torch.rand(6)
    residual = torch.sum((target - prediction) ** 2)
    return 1 - residual / torch.sum((target - target.mean()) ** 2)


# losses -------------------------------------------------------------------------------------------------------------


@caught(BroadcastError)
def mse_against_a_row() -> Tensor:
    return F.mse_loss(torch.rand(6, 1), torch.rand(6))


@caught(BroadcastError)
def mse_spelled_out_in_the_call() -> Tensor:
    prediction, target = torch.rand(6), torch.rand(6)
    return F.mse_loss(prediction, target.unsqueeze(1))


@caught(BroadcastError)
def mse_module() -> Tensor:
    criterion = nn.MSELoss()
    return criterion(torch.rand(6, 1), torch.rand(6))


@caught(BroadcastError)
def l1_module_made_in_the_call() -> Tensor:
    return nn.L1Loss()(torch.rand(6), torch.rand(6, 1))


@caught(BroadcastError)
def smooth_l1_by_keyword() -> Tensor:
    return F.smooth_l1_loss(input=torch.rand(6, 1), target=torch.rand(6))


@caught(BroadcastError)
def huber() -> Tensor:
    return F.huber_loss(torch.rand(6, 1), torch.rand(6))


@caught(BroadcastError)
def kl_divergence_of_one_distribution() -> Tensor:
    student, teacher = torch.rand(6, 5).log_softmax(-1), torch.rand(5).softmax(-1)
    return F.kl_div(student, teacher, reduction="batchmean")


@caught(BroadcastError)
def poisson() -> Tensor:
    return F.poisson_nll_loss(torch.rand(6, 1), torch.rand(6))


@caught(BroadcastError)
def gaussian() -> Tensor:
    return F.gaussian_nll_loss(torch.rand(6), torch.rand(6, 1), torch.ones(6))


@caught(BroadcastError)
def hinge_embedding() -> Tensor:
    return F.hinge_embedding_loss(torch.rand(6, 1), torch.ones(6))


@caught(BroadcastError)
def multilabel_soft_margin_of_one_label_row() -> Tensor:
    return F.multilabel_soft_margin_loss(torch.rand(6, 4), torch.ones(4))


# a reduction without keepdim ----------------------------------------------------------------------------------------


@caught(KeepdimError)
def rows_to_probabilities() -> Tensor:
    counts = torch.rand(5, 5)
    return counts / counts.sum(1)


@caught(KeepdimError)
def row_sums_by_name() -> Tensor:
    counts = torch.rand(5, 5)
    total = counts.sum(dim=-1) + 1e-8
    return counts / total


@caught(KeepdimError)
def unit_rows() -> Tensor:
    x = torch.rand(4, 4)
    length = x.norm(dim=1).clamp(min=1e-6)
    return x / length


@caught(KeepdimError)
def unit_rows_by_linalg() -> Tensor:
    x = torch.rand(4, 4)
    return x / torch.linalg.vector_norm(x, dim=-1)


@caught(KeepdimError)
def softmax_by_hand() -> Tensor:
    x = torch.rand(4, 4)
    shifted = x - x.max(dim=1).values
    return shifted.exp()


@caught(KeepdimError)
def log_softmax_by_hand() -> Tensor:
    x = torch.rand(4, 4)
    return x - (x.exp().sum(1) + 1e-6).log()


@caught(KeepdimError)
def log_softmax_by_logsumexp() -> Tensor:
    x = torch.rand(4, 4)
    return x - torch.logsumexp(x, 1)


@caught(KeepdimError)
def layer_norm_by_hand() -> Tensor:
    x = torch.rand(4, 4)
    mean, std = x.mean(-1), x.std(-1)
    return (x - mean) / std


@caught(KeepdimError)
def batch_of_attention_rows() -> Tensor:
    scores = torch.rand(5, 5, 5)
    return scores.div(scores.sum(-1))


@caught(KeepdimError)
def divided_in_place() -> Tensor:
    x = torch.rand(4, 4)
    x /= x.sum(1)
    return x


@caught(KeepdimError)
def median_centered() -> Tensor:
    x = torch.rand(4, 4)
    return x - x.median(dim=1).values


@caught(KeepdimError)
def standardized_by_var_mean() -> Tensor:
    x = torch.rand(4, 4)
    var, mean = torch.var_mean(x, dim=1)
    return (x - mean) / var.sqrt()


@pytest.mark.parametrize(("bug", "kind"), CAUGHT, ids=[bug.__name__ for bug, _ in CAUGHT])
def test_guard_raises_on_what_torch_computes_silently(bug: Bug, kind: type[ShapeError]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bug()
    with pytest.raises(kind) as caught_error, guard():
        bug()
    assert type(caught_error.value) is kind
    assert caught_error.traceback[-1].frame.code.path == Path(__file__)


# what no rule of shapes can know ------------------------------------------------------------------------------------


@missed
def weight_per_image_on_a_cube() -> Tensor:
    images, weights = torch.rand(6, 6, 6, 6), torch.rand(6)
    return images * weights


@missed
def weight_per_row_on_a_square() -> Tensor:
    x, weights = torch.rand(6, 6), torch.rand(6)
    return x * weights


@missed
def unsqueezed_in_the_expression_itself() -> Tensor:
    prediction, target = torch.rand(6), torch.rand(6)
    return prediction - target.unsqueeze(1)


@missed
def row_against_column_of_one_rank() -> Tensor:
    return torch.rand(1, 6) * torch.rand(6, 1)


@missed
def batch_of_one() -> Tensor:
    return torch.rand(1, 1) - torch.rand(1)


@pytest.mark.parametrize("bug", MISSED, ids=lambda bug: bug.__name__)
def test_known_limits_are_silent(bug: Bug) -> None:
    with guard():
        bug()


@pytest.mark.parametrize("bug", [weight_per_image_on_a_cube, weight_per_row_on_a_square], ids=lambda bug: bug.__name__)
def test_names_of_a_contract_see_what_shapes_cannot(bug: Bug) -> None:
    def scale(x: Tensor, weights: Tensor) -> Tensor:
        return x * weights

    x, weights = (
        (torch.rand(6, 6, 6, 6), torch.rand(6)) if "cube" in bug.__name__ else (torch.rand(6, 6), torch.rand(6))
    )
    names = ((x, ("n", "c", "h", "w")[-x.ndim :] if x.ndim == 4 else ("n", "d")), (weights, ("n",)))
    with pytest.raises(BroadcastError, match="dim `n` of `weights` lines up with dim"):
        FirstCall(scale, dims=True).call((6,), (x, weights), {}, names)
