"""Code that stretches on purpose, most of it square on purpose: a guard at the default level stays silent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shapecheck.core.errors import BroadcastError
from shapecheck.runtime.guard import allow_broadcast, guard

Idiom = Callable[[], object]
HEALTHY: list[Idiom] = []


def healthy(idiom: Idiom) -> Idiom:
    HEALTHY.append(idiom)
    return idiom


@healthy
def bias() -> Tensor:
    return torch.rand(6, 6) + torch.rand(6)


@healthy
def linear_and_layer_norm() -> Tensor:
    return nn.LayerNorm(6)(nn.Linear(6, 6)(torch.rand(6, 6)))


@healthy
def position_embedding() -> Tensor:
    return torch.rand(4, 4, 8) + torch.rand(4, 8)


@healthy
def scalar_and_zero_dim() -> Tensor:
    return torch.rand(4, 4) * 2 + torch.tensor(1.0) - torch.rand(4).mean()


@healthy
def learned_gate_of_one_number() -> Tensor:
    return torch.rand(4, 4) * nn.Parameter(torch.ones(1))


@healthy
def causal_mask_on_scores() -> Tensor:
    scores = torch.rand(2, 2, 5, 5)
    return scores.masked_fill(torch.ones(5, 5).triu(1).bool(), float("-inf")).softmax(-1)


@healthy
def padding_mask() -> Tensor:
    mask = torch.ones(4, 4)
    return torch.rand(4, 2, 4, 4) + (1.0 - mask)[:, None, None, :] * -1e9


@healthy
def squeeze_and_excite() -> Tensor:
    x = torch.rand(4, 4, 4, 4)
    return x * x.mean((2, 3), keepdim=True).sigmoid()


@healthy
def channel_statistics() -> Tensor:
    images = torch.rand(3, 3, 3, 3)
    return (images - torch.rand(3, 1, 1)) / torch.rand(3, 1, 1)


@healthy
def centered_columns() -> Tensor:
    x = torch.rand(5, 5)
    return (x - x.mean(0)) / x.std(0)


@healthy
def kept_dims() -> Tensor:
    x = torch.rand(5, 5)
    return x / x.sum(1, keepdim=True) - x.amax(-1, True)


@healthy
def unsqueezed_reduction() -> Tensor:
    x = torch.rand(5, 5)
    return x / x.sum(1).unsqueeze(1) - x.mean(1)[:, None]


@healthy
def transposed_before_dividing() -> Tensor:
    x = torch.rand(5, 5)
    return (x.T / x.sum(1)).T


@healthy
def graph_normalization() -> Tensor:
    adjacency = torch.rand(5, 5)
    d = adjacency.sum(1).rsqrt()
    return d[:, None] * adjacency * d


@healthy
def graph_normalization_by_transposing() -> Tensor:
    adjacency = torch.rand(5, 5)
    d = adjacency.sum(1).rsqrt()
    return (adjacency * d[None, :]).T * d


@healthy
def pairwise_differences() -> Tensor:
    x = torch.rand(5, 5)
    return (x[:, None] - x[None]).norm(dim=-1)


@healthy
def pairwise_squares() -> Tensor:
    x = torch.rand(5, 3)
    square = x.pow(2).sum(1)
    return square[:, None] + square - 2 * x @ x.T


@healthy
def outer_product_in_one_expression() -> Tensor:
    position, frequency = torch.arange(8.0), torch.rand(8)
    return position[:, None] * frequency


@healthy
def outer_product_by_unsqueeze() -> Tensor:
    position, frequency = torch.arange(8.0), torch.rand(8)
    return position.unsqueeze(1) * frequency


@healthy
def outer_product_by_view() -> Tensor:
    position, frequency = torch.arange(8.0), torch.rand(8)
    return position.view(-1, 1) * frequency


@healthy
def relative_positions() -> Tensor:
    i = torch.arange(6)
    return (i[None, :] - i[:, None]).abs()


@healthy
def lengths_to_mask() -> Tensor:
    lengths = torch.tensor([1, 2, 3])
    return torch.arange(3)[None, :] < lengths[:, None]


@healthy
def one_hot_by_comparison() -> Tensor:
    labels = torch.tensor([0, 1, 2])
    return (labels.unsqueeze(-1) == torch.arange(3)).float()


@healthy
def row_times_column_of_one_rank() -> Tensor:
    return torch.rand(6, 1) * torch.rand(1, 6)


@healthy
def rotary_tables() -> Tensor:
    t, inverse = torch.arange(8.0), torch.rand(8)
    angles = torch.outer(t, inverse)
    x = torch.rand(2, 2, 8, 8)
    return x * angles.cos() + x.roll(1, -1) * angles.sin()


@healthy
def expanded_target() -> Tensor:
    predictions, target = torch.rand(4, 6), torch.rand(6)
    return F.mse_loss(predictions, target.expand_as(predictions))


@healthy
def losses_of_equal_shapes() -> Tensor:
    a, b = torch.rand(6, 6), torch.rand(6, 6)
    losses = F.mse_loss(a, b) + F.l1_loss(a, b) + F.huber_loss(a, b) + F.gaussian_nll_loss(a, b, torch.ones(6, 1))
    return losses + F.kl_div(a.log_softmax(-1), b.softmax(-1), reduction="batchmean")


@healthy
def loss_against_a_constant() -> Tensor:
    return F.mse_loss(torch.rand(6, 1), torch.tensor(1.0))


@healthy
def classification_losses() -> Tensor:
    logits, labels = torch.rand(5, 5), torch.arange(5)
    return F.cross_entropy(logits, labels) + F.nll_loss(logits.log_softmax(-1), labels)


@healthy
def contrastive_loss() -> Tensor:
    a, b = F.normalize(torch.rand(5, 8), dim=-1), F.normalize(torch.rand(5, 8), dim=-1)
    similarity = a @ b.T
    return F.cross_entropy(similarity, torch.arange(5)) + (similarity - similarity.T).abs().mean()


@healthy
def cosine_similarity_of_all_pairs() -> Tensor:
    x = torch.rand(5, 5)
    return F.cosine_similarity(x[:, None], x[None], dim=-1)


@healthy
def attention_by_einsum() -> Tensor:
    q = k = v = torch.rand(4, 4, 4, 4)
    weights = torch.einsum("bhtd,bhsd->bhts", q, k).softmax(-1)
    return torch.einsum("bhts,bhsd->bhtd", weights, v)


@healthy
def batched_matmul_with_one_matrix() -> Tensor:
    return torch.rand(4, 4, 4) @ torch.rand(4, 4) @ torch.rand(4)


@healthy
def diffusion_step() -> Tensor:
    x, t = torch.rand(4, 4, 4, 4), torch.rand(4)
    scale = t.view(-1, *([1] * (x.ndim - 1)))
    return scale.sqrt() * x + (1 - scale).sqrt() * torch.randn_like(x)


@healthy
def exponential_moving_average() -> Tensor:
    average = torch.zeros(4, 4)
    average.mul_(0.9).add_(torch.rand(4, 4), alpha=0.1)
    return average


@healthy
def box_overlaps() -> Tensor:
    boxes = torch.rand(4, 4)
    low = torch.max(boxes[:, None, :2], boxes[:, :2])
    high = torch.min(boxes[:, None, 2:], boxes[:, 2:])
    return (high - low).clamp(min=0).prod(-1)


@healthy
def index_arithmetic() -> Tensor:
    batch, beams = torch.arange(3).unsqueeze(1), torch.randint(3, (3, 3))
    return (batch * 3 + beams).flatten()


@healthy
def reduction_of_another_tensor() -> Tensor:
    x, y = torch.rand(5, 4), torch.rand(5, 5)
    return y + x.sum(1)


@healthy
def running_statistics() -> Tensor:
    x = torch.rand(4, 4)
    mean, rest = x.mean(1), torch.zeros(4)
    return mean * 0.1 + rest * 0.9


@healthy
def training_step() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.GELU(), nn.Dropout(0.1), nn.Linear(4, 1))
    optimizer = torch.optim.AdamW(model.parameters())
    loss = F.binary_cross_entropy_with_logits(model(torch.rand(4, 4)), torch.ones(4, 1))
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


@healthy
def recurrent_network() -> Tensor:
    out, _ = nn.LSTM(4, 4, num_layers=2, bidirectional=True, batch_first=True)(torch.rand(4, 4, 4))
    return out


@healthy
def transformer_layer() -> Tensor:
    return nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)(torch.rand(4, 4, 4))


@healthy
def allowed_with_a_reason() -> Tensor:
    a, b = torch.rand(6), torch.rand(6, 1)
    with allow_broadcast("every pair is compared"):
        return a * b


@pytest.mark.parametrize("idiom", HEALTHY, ids=lambda idiom: idiom.__name__)
def test_guard_is_silent_on_healthy_code(idiom: Idiom) -> None:
    with guard():
        idiom()


def test_known_false_alarm_outer_product_unsqueezed_on_another_line() -> None:
    """The price of finding `unsqueezed_on_an_earlier_line`: write it in the expression, or allow it."""
    position, frequency = torch.arange(8.0).unsqueeze(1), torch.rand(8)
    with pytest.raises(BroadcastError), guard():
        _ = position * frequency
