"""Linear layers, embeddings, normalization, and modules that only reshape."""

from __future__ import annotations

from collections.abc import Mapping

from shapecheck.core.ops import views
from shapecheck.core.ops.einops import rearrange, reduce
from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.modules.table import WEIGHTS, Hyper, forward, module, same_as
from shapecheck.core.ops.normalization import require_channels, require_groups, require_trailing
from shapecheck.core.ops.promotion import INDEX, require_dtype
from shapecheck.core.ops.shapes import shape_text
from shapecheck.core.ops.signatures import apply_signatures
from shapecheck.core.tensors import TensorValue, Undecided, Value

_NEW = "device=None, dtype=None"

# --- linear ----------------------------------------------------------------------------------------------------

module(
    f"nn.Linear(in_features, out_features, bias=True, {_NEW})",
    "*b in_features -> *b out_features",
    weight="out_features in_features",
    bias="out_features",
)
module(f"nn.LazyLinear(out_features, bias=True, {_NEW})", "*b n -> *b out_features")


@forward(
    f"nn.Bilinear(in1_features, in2_features, out_features, bias=True, {_NEW})",
    weight="out_features in1_features in2_features",
    bias="out_features",
)
def bilinear(self: Hyper, input1: TensorValue, input2: TensorValue) -> Value:
    sizes = {name: self.size(name) for name in ("in1_features", "in2_features", "out_features")}
    operands = [("input1", input1), ("input2", input2)]
    signature = "*b in1_features, *b in2_features -> *b out_features"
    return apply_signatures((signature,), operands, sizes, input1.dtypes)[0]


@forward(
    "nn.Embedding(num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0,"
    f" scale_grad_by_freq=False, sparse=False, _weight=None, _freeze=False, {_NEW})",
    weight="num_embeddings embedding_dim",
)
def embedding(self: Hyper, input: TensorValue) -> Value:
    """A row of weights for every index."""
    require_dtype("input", input, INDEX, "int64 or int32 indices", "`.long()`")
    return TensorValue((*input.dims, self.size("embedding_dim")), self.dtypes)


@forward(
    "nn.EmbeddingBag(num_embeddings, embedding_dim, max_norm=None, norm_type=2.0, scale_grad_by_freq=False,"
    " mode='mean', sparse=False, _weight=None, include_last_offset=False, padding_idx=None, " + _NEW + ")",
    weight="num_embeddings embedding_dim",
)
def embedding_bag(
    self: Hyper, input: TensorValue, offsets: TensorValue | None = None, per_sample_weights: TensorValue | None = None
) -> Value:
    """Bags of indices: the rows of a matrix, or of a vector from one offset to the next."""
    require_dtype("input", input, INDEX, "int64 or int32 indices", "`.long()`")
    if input.rank not in (1, 2):
        raise OpError.at(f"`input` {shape_text(input.dims)} must have 1 or 2 dims", ("input", None, None))
    if input.rank == 2:
        return TensorValue((input.dims[0], self.size("embedding_dim")), self.dtypes)
    if offsets is None or self.flag("include_last_offset"):
        raise Undecided
    if offsets.rank != 1:
        raise OpError.at(f"`offsets` {shape_text(offsets.dims)} is no vector", ("offsets", None, None))
    return TensorValue((offsets.dims[0], self.size("embedding_dim")), self.dtypes)


# --- normalization ---------------------------------------------------------------------------------------------


def _as_shape(self: Hyper) -> Mapping[str, Value]:
    return {"normalized_shape": self.sizes("normalized_shape")}


@forward(
    f"nn.LayerNorm(normalized_shape, eps=1e-05, elementwise_affine=True, bias=True, {_NEW})",
    _as_shape,
    weight="*normalized_shape",
    bias="*normalized_shape",
)
def layer_norm(self: Hyper, input: TensorValue) -> Value:
    require_trailing(input, self.sizes("normalized_shape"), "`normalized_shape`")
    require_dtype("input", input, WEIGHTS, "floating point", "`.float()` first")
    return TensorValue(input.shape, input.dtypes)


@forward(
    f"nn.RMSNorm(normalized_shape, eps=None, elementwise_affine=True, {_NEW})", _as_shape, weight="*normalized_shape"
)
def rms_norm(self: Hyper, input: TensorValue) -> Value:
    require_trailing(input, self.sizes("normalized_shape"), "`normalized_shape`")
    return TensorValue(input.shape, input.dtypes)


def _divisible_into_groups(self: Hyper) -> Mapping[str, Value]:
    require_groups(self.size("num_channels"), self.size("num_groups"))
    return {}


@forward(
    f"nn.GroupNorm(num_groups, num_channels, eps=1e-05, affine=True, {_NEW})",
    _divisible_into_groups,
    weight="num_channels",
    bias="num_channels",
)
def group_norm(self: Hyper, input: TensorValue) -> Value:
    if input.rank < 2:
        raise OpError.at(f"`input` {shape_text(input.dims)} has no channels, dim 1", ("input", None, None))
    require_channels(input, self.size("num_channels"), "`num_channels` is")
    require_dtype("input", input, WEIGHTS, "floating point", "`.float()` first")
    return TensorValue(input.shape, input.dtypes)


def _batch_norm(name: str, ranks: tuple[int, ...]) -> None:
    @forward(
        f"{name}(num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True, {_NEW})",
        weight="num_features",
        bias="num_features",
        running_mean="num_features",
        running_var="num_features",
    )
    def batch_norm(self: Hyper, input: TensorValue) -> Value:
        """Channels are dim 1."""
        if input.rank not in ranks:
            wanted = " or ".join(map(str, ranks))
            reason = f"`input` {shape_text(input.dims)} has {input.rank} dims, but must have {wanted}"
            raise OpError.at(reason, ("input", None, None))
        require_channels(input, self.size("num_features"), "`num_features` is")
        require_dtype("input", input, WEIGHTS, "floating point", "`.float()` first")
        return TensorValue(input.shape, input.dtypes)


for _spatial, _ranks in {1: (2, 3), 2: (4,), 3: (5,)}.items():
    _batch_norm(f"nn.BatchNorm{_spatial}d", _ranks)


def _instance_norm(spatial: int) -> None:
    @forward(
        f"nn.InstanceNorm{spatial}d(num_features, eps=1e-05, momentum=0.1, affine=False, track_running_stats=False,"
        f" {_NEW})",
        weight="num_features",
        bias="num_features",
    )
    def instance_norm(self: Hyper, input: TensorValue) -> Value:
        """Channels stand before the spatial dims; without `affine` any number of them will do."""
        if input.rank not in (spatial + 1, spatial + 2):
            wanted = f"{spatial + 1} or {spatial + 2}"
            reason = f"`input` {shape_text(input.dims)} has {input.rank} dims, but must have {wanted}"
            raise OpError.at(reason, ("input", None, None))
        if self.flag("affine") or self.flag("track_running_stats"):
            batched = input if input.rank == spatial + 2 else TensorValue((input.dims[0], *input.dims))
            require_channels(batched, self.size("num_features"), "`num_features` is")
        return TensorValue(input.shape, input.dtypes)


for _spatial in (1, 2, 3):
    _instance_norm(_spatial)

same_as("nn.LocalResponseNorm(size, alpha=0.0001, beta=0.75, k=1.0)", "F.local_response_norm")

# --- other shapes ----------------------------------------------------------------------------------------------

same_as("nn.Flatten(start_dim=1, end_dim=-1)", "torch.flatten")
same_as("nn.PixelShuffle(upscale_factor)", "F.pixel_shuffle")
same_as("nn.PixelUnshuffle(downscale_factor)", "F.pixel_unshuffle")
same_as("nn.ChannelShuffle(groups)", "F.channel_shuffle")
same_as(
    "nn.Upsample(size=None, scale_factor=None, mode='nearest', align_corners=None, recompute_scale_factor=None)",
    "F.interpolate",
)
same_as("nn.UpsamplingNearest2d(size=None, scale_factor=None)", "F.interpolate", mode="nearest")
same_as("nn.UpsamplingBilinear2d(size=None, scale_factor=None)", "F.interpolate", mode="bilinear")
same_as("nn.CosineSimilarity(dim=1, eps=1e-08)", "F.cosine_similarity")
same_as("nn.PairwiseDistance(p=2.0, eps=1e-06, keepdim=False)", "F.pairwise_distance")


@forward("nn.Unflatten(dim, unflattened_size)")
def unflatten(self: Hyper, input: TensorValue) -> Value:
    return views.unflatten(input, self.read("dim", "int"), self.sizes("unflattened_size"))  # type: ignore[arg-type]


@forward("nn.Identity(*args, **kwargs)")
def identity(self: Hyper, input: Value) -> Value:
    return input


@forward("einops.layers.torch.Rearrange(pattern, **axes_lengths)")
def rearrange_layer(self: Hyper, input: TensorValue) -> Value:
    pattern, lengths = _pattern(self)
    return rearrange(input, pattern, **lengths)


@forward("einops.layers.torch.Reduce(pattern, reduction, **axes_lengths)")
def reduce_layer(self: Hyper, input: TensorValue) -> Value:
    pattern, lengths = _pattern(self)
    return reduce(input, pattern, lengths.pop("reduction"), **lengths)


def _pattern(self: Hyper) -> tuple[str, dict[str, Value]]:
    values = dict(self.values)
    pattern = values.pop("pattern")
    if not isinstance(pattern, str):
        raise Undecided
    return pattern, values
