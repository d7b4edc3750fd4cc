"""Calls of modules: the constructor's arguments first, then forward's."""

from __future__ import annotations

from typing import Any

import torch

from tests.ops.differential import Call, Draw, T, call, cases
from tests.ops.generators import losses
from tests.ops.generators.windows import image, options, some


def some_shape(g: Draw, *shape: int, probability: float = 0.2) -> tuple[int, ...]:
    """`shape`, sometimes corrupted, without sizes of 0."""
    return tuple(max(1, size) for size in g.corrupt(shape, probability))


def positive(g: Draw, least: int = 0, most: int = 3) -> tuple[int, ...]:
    return tuple(g.positive() for _ in range(g.randint(least, most)))


# --- layers ----------------------------------------------------------------------------------------------------


@cases("nn.Linear")
def linear(g: Draw) -> Call:
    n, out = g.positive(), g.positive()
    dtype = g.dtype("float32 float32 float32 float32 int64")
    bias = {"bias": g.chance(0.5)} if g.chance(0.5) else {}
    return call(call(n, out, **bias), T(g.corrupt((*g.shape(0, 2), n)), dtype))


@cases("nn.LazyLinear")
def lazy_linear(g: Draw) -> Call:
    return call(call(g.positive()), T(positive(g)))


@cases("nn.Bilinear")
def bilinear(g: Draw) -> Call:
    batch, n, m, out = positive(g, 0, 2), g.positive(), g.positive(), g.positive()
    return call(call(n, m, out), T(some_shape(g, *batch, n)), T(some_shape(g, *batch, m, probability=0.1)))


@cases("nn.Embedding")
def embedding(g: Draw) -> Call:
    return call(call(4, g.positive()), g.tensor("int64 int64 int64 int32 float32", high=3))


@cases("nn.EmbeddingBag", open_value=True)
def embedding_bag(g: Draw) -> Call:
    if g.chance(0.3):
        return call(call(4, 3), T((6,), "int64", high=3), T((1,), "int64", high=1))
    return call(call(4, g.positive()), T(positive(g, 0, 3), g.dtype("int64 int64 float32"), high=3))


@cases("nn.LayerNorm nn.RMSNorm")
def layer_norm(g: Draw) -> Call:
    trailing = positive(g, 1, 2)
    shape: Any = trailing[0] if len(trailing) == 1 and g.chance(0.5) else trailing
    affine = {"elementwise_affine": False} if g.chance(0.2) else {}
    return call(call(shape, **affine), T((*g.shape(0, 2), *g.corrupt(trailing))))


@cases("nn.GroupNorm")
def group_norm(g: Draw) -> Call:
    groups = g.randint(1, 3)
    channels = groups * g.positive() + g.choice([0, 0, 0, 1])
    return call(call(groups, channels), T(some_shape(g, 2, channels, *positive(g, 0, 2))))


def _norms(spatial: int) -> None:
    @cases(f"nn.BatchNorm{spatial}d")
    def batch_norm(g: Draw) -> Call:
        c = g.positive()
        shape = (2, c, *([2] * spatial)) if g.chance(0.8) else (2, c, *([2] * g.randint(0, 3)))
        return call(call(c, affine=g.chance(0.8)), T(some_shape(g, *shape), g.dtype("float32 float32 float32 int64")))

    @cases(f"nn.InstanceNorm{spatial}d")
    def instance_norm(g: Draw) -> Call:
        c = g.positive()
        batch = (2,) if g.chance(0.7) else ()
        return call(call(c, affine=g.chance(0.6)), T(some_shape(g, *batch, c, *([3] * spatial))))


@cases("nn.LocalResponseNorm")
def local_response_norm(g: Draw) -> Call:
    return call(call(2), T(positive(g, 2, 5)))


@cases("nn.Flatten")
def flatten(g: Draw) -> Call:
    x = g.tensor()
    rank = len(x.shape)
    return call(call(*[g.dim(rank) for _ in range(g.randint(0, 2))]), x)


@cases("nn.Unflatten")
def unflatten(g: Draw) -> Call:
    x = T(positive(g, 1, 3))
    dim = g.dim(len(x.shape))
    size = x.shape[dim] if -len(x.shape) <= dim < len(x.shape) else 4
    return call(call(dim, g.corrupt(g.factors(size), 0.2)), x)


@cases("nn.PixelShuffle nn.ChannelShuffle")
def pixel_shuffle(g: Draw) -> Call:
    r = g.randint(1, 2)
    return call(call(r), T(some_shape(g, *positive(g, 0, 1), 2, r * r * g.positive(), 2, 4)))


@cases("nn.PixelUnshuffle")
def pixel_unshuffle(g: Draw) -> Call:
    r = g.randint(1, 2)
    height = r * g.positive() + g.chance(0.2)
    return call(call(r), T(some_shape(g, *positive(g, 0, 1), g.positive(), height, r * g.positive())))


@cases("nn.Upsample")
def upsample(g: Draw) -> Call:
    rank = g.randint(3, 5)
    x = T(some_shape(g, 2, 3, *([2] * (rank - 2)), probability=0.1))
    mode = {3: "linear", 4: "bilinear", 5: "trilinear"}[rank] if g.chance(0.5) else "nearest"
    facts: dict[str, Any] = g.choice([{"scale_factor": 2}, {"scale_factor": 1.5}, {"size": 5}])
    return call(call(**facts, mode=mode), x)


@cases("nn.UpsamplingNearest2d nn.UpsamplingBilinear2d")
def upsampling(g: Draw) -> Call:
    return call(call(scale_factor=2) if g.chance(0.5) else call(size=(4, 5)), T(some_shape(g, 2, 3, 2, 2)))


@cases("nn.CosineSimilarity")
def cosine_similarity(g: Draw) -> Call:
    x = g.tensor()
    return call(call(dim=g.dim(len(x.shape))), x, T(g.broadcastable(x.shape)))


@cases("nn.PairwiseDistance")
def pairwise_distance(g: Draw) -> Call:
    x = g.tensor()
    return call(call(keepdim=g.chance(0.5)), x, T(g.broadcastable(x.shape)))


@cases("nn.Identity")
def identity(g: Draw) -> Call:
    return call(call(3, unused=4), g.tensor())


@cases("einops.layers.torch.Rearrange")
def rearrange(g: Draw) -> Call:
    h = g.randint(1, 3)
    return call(call("b (h d) n -> b h n d", h=h), T(some_shape(g, 2, h * g.positive(), g.positive())))


@cases("einops.layers.torch.Reduce")
def reduce(g: Draw) -> Call:
    return call(call("b (n k) c -> b n c", "mean", k=2), T(some_shape(g, 2, 2 * g.positive(), g.positive())))


# --- activations -----------------------------------------------------------------------------------------------


@cases(
    """nn.ReLU nn.ReLU6 nn.LeakyReLU nn.ELU nn.CELU nn.SELU nn.SiLU nn.Mish nn.GELU nn.Hardswish nn.Hardsigmoid
    nn.Hardtanh nn.Sigmoid nn.Tanh nn.Softplus nn.Softsign nn.LogSigmoid nn.Tanhshrink nn.Softshrink nn.Hardshrink
    nn.RReLU nn.Dropout nn.AlphaDropout nn.Softmax2d nn.Dropout1d nn.Dropout2d nn.Dropout3d"""
)
def activation(g: Draw) -> Call:
    return call(call(), T(positive(g, 0, 5), g.dtype("float32 float32 float64")))


@cases("nn.FeatureAlphaDropout")
def feature_alpha_dropout(g: Draw) -> Call:
    return call(call(), T(positive(g, 2, 5)))


@cases("nn.Threshold")
def threshold(g: Draw) -> Call:
    return call(call(0.5, 1.0), g.tensor())


@cases("nn.PReLU")
def prelu(g: Draw) -> Call:
    x = g.tensor()
    slopes = x.shape[1] if len(x.shape) > 1 and g.chance(0.7) else g.choice([1, 3])
    return call(call(max(1, slopes)), x)


@cases("nn.Softmax nn.LogSoftmax nn.Softmin")
def softmax(g: Draw) -> Call:
    x = g.tensor()
    return call(call(dim=g.dim(len(x.shape))), x)


@cases("nn.GLU")
def glu(g: Draw) -> Call:
    x = T(tuple(2 * g.size() if g.chance(0.8) else g.size() for _ in range(g.randint(0, 4))))
    return call(call(g.dim(len(x.shape))), x)


# --- windows ---------------------------------------------------------------------------------------------------


def _windows(spatial: int) -> None:
    @cases(f"nn.Conv{spatial}d")
    def convolution(g: Draw) -> Call:
        groups = g.choice([1, 1, 2])
        c, out = groups * g.randint(1, 2), groups * g.randint(1, 2) + g.choice([0, 0, 0, 0, 1])
        facts = options(g, spatial, stride=[1, 2, 3], dilation=[1, 2])
        if g.chance(0.5):
            facts["padding"] = "same" if g.chance(0.2) else some(g, spatial, [0, 1, 2])
        return call(call(c, out, some(g, spatial, [1, 2, 3]), **facts, groups=groups), T(image(g, spatial, c)))

    @cases(f"nn.ConvTranspose{spatial}d")
    def transposed(g: Draw) -> Call:
        c, out = g.randint(1, 3), g.randint(1, 3)
        facts = options(g, spatial, stride=[1, 2, 3], dilation=[1, 2], padding=[0, 1], output_padding=[0, 1])
        return call(call(c, out, some(g, spatial, [1, 2, 3]), **facts), T(image(g, spatial, c)))

    @cases(f"nn.MaxPool{spatial}d nn.AvgPool{spatial}d")
    def pool(g: Draw) -> Call:
        facts = options(g, spatial, stride=[1, 2, 3], padding=[0, 1])
        return call(call(some(g, spatial, [1, 2, 3]), **facts, ceil_mode=g.chance(0.3)), T(image(g, spatial)))

    @cases(f"nn.AdaptiveAvgPool{spatial}d nn.AdaptiveMaxPool{spatial}d")
    def adaptive(g: Draw) -> Call:
        return call(call(g.positive() if spatial == 1 else some(g, spatial, [1, 2, 3])), T(image(g, spatial)))

    @cases(f"nn.ZeroPad{spatial}d nn.ReflectionPad{spatial}d nn.ReplicationPad{spatial}d nn.CircularPad{spatial}d")
    def padding(g: Draw) -> Call:
        return call(call(sides(g)), T(image(g, spatial)))

    @cases(f"nn.ConstantPad{spatial}d")
    def constant_padding(g: Draw) -> Call:
        return call(call(sides(g), 0.5), T(image(g, spatial)))

    def sides(g: Draw) -> Any:
        return g.randint(0, 3) if g.chance(0.5) else tuple(g.randint(0, 3) for _ in range(2 * spatial))


for _spatial in (1, 2, 3):
    _norms(_spatial)
    _windows(_spatial)


@cases("nn.Unfold")
def unfold(g: Draw) -> Call:
    return call(call(some(g, 2, [1, 2, 3])), T(image(g, 2)))


@cases("nn.Fold")
def fold(g: Draw) -> Call:
    return call(call((4, 5), 2), T(some_shape(g, 2, 4 * g.positive(), 12)))


# --- losses ----------------------------------------------------------------------------------------------------


def as_module(g: Draw, drawn: Call) -> Call:
    """A call of a loss's function as one of the module: options go to the constructor."""
    return call(call(**drawn.kwargs), *drawn.args)


@cases("nn.MSELoss nn.L1Loss nn.SmoothL1Loss nn.HuberLoss nn.KLDivLoss nn.SoftMarginLoss nn.PoissonNLLLoss")
def two_alike(g: Draw) -> Call:
    return as_module(g, losses.two_alike(g))


@cases("nn.HingeEmbeddingLoss")
def hinge_embedding_loss(g: Draw) -> Call:
    return as_module(g, losses.hinge_embedding_loss(g))


@cases("nn.BCELoss nn.BCEWithLogitsLoss")
def binary_cross_entropy(g: Draw) -> Call:
    return as_module(g, losses.binary_cross_entropy(g))


@cases("nn.NLLLoss nn.CrossEntropyLoss")
def cross_entropy(g: Draw) -> Call:
    return as_module(g, losses.cross_entropy(g))


@cases("nn.GaussianNLLLoss")
def gaussian_nll_loss(g: Draw) -> Call:
    return as_module(g, losses.gaussian_nll_loss(g))


@cases("nn.MarginRankingLoss")
def margin_ranking_loss(g: Draw) -> Call:
    return as_module(g, losses.margin_ranking_loss(g))


@cases("nn.CosineEmbeddingLoss")
def cosine_embedding_loss(g: Draw) -> Call:
    return as_module(g, losses.cosine_embedding_loss(g))


@cases("nn.TripletMarginLoss")
def triplet_margin_loss(g: Draw) -> Call:
    return as_module(g, losses.triplet_margin_loss(g))


@cases("nn.MultiMarginLoss")
def multi_margin_loss(g: Draw) -> Call:
    return as_module(g, losses.multi_margin_loss(g))


@cases("nn.CTCLoss")
def ctc_loss(g: Draw) -> Call:
    return as_module(g, losses.ctc_loss(g))


# --- sequences -------------------------------------------------------------------------------------------------


def recurrent(g: Draw) -> tuple[dict[str, Any], tuple[int, ...], int, int]:
    facts = {"num_layers": g.randint(1, 2), "bidirectional": g.chance(0.4), "batch_first": g.chance(0.5)}
    batch = g.choice([(), (g.positive(),)])
    return facts, batch, g.positive(), g.positive()


def sequence(g: Draw, facts: dict[str, Any], batch: tuple[int, ...], size: int) -> T:
    length = g.positive()
    shape = (*batch, length, size) if facts["batch_first"] else (length, *batch, size)
    return T(some_shape(g, *shape, probability=0.1), g.dtype("float32 float32 float32 float32 int64"))


@cases("nn.RNN nn.GRU")
def rnn(g: Draw) -> Call:
    facts, batch, size, hidden = recurrent(g)
    states = facts["num_layers"] * (2 if facts["bidirectional"] else 1)
    hx = [T(some_shape(g, states, *batch, hidden, probability=0.1))] if g.chance(0.4) else []
    return call(call(size, hidden, **facts), sequence(g, facts, batch, size), *hx)


@cases("nn.LSTM")
def lstm(g: Draw) -> Call:
    facts, batch, size, hidden = recurrent(g)
    projected = g.choice([0, 0, 1]) if hidden > 1 else 0
    states = facts["num_layers"] * (2 if facts["bidirectional"] else 1)
    h0 = some_shape(g, states, *batch, projected or hidden, probability=0.1)
    hx = [(T(h0), T((states, *batch, hidden)))] if g.chance(0.4) else []
    return call(call(size, hidden, **facts, proj_size=projected), sequence(g, facts, batch, size), *hx)


def cell_input(g: Draw) -> tuple[Call, T, T]:
    """A cell, its input and a state; ranks always fit, for torch itself crashes on some that don't."""
    batch, size, hidden = g.choice([(), (3,)]), g.positive(), g.positive()
    state = T((*batch, hidden + g.chance(0.15)))
    return call(size, hidden), T((*batch, size + g.chance(0.15))), state


@cases("nn.RNNCell nn.GRUCell")
def cell(g: Draw) -> Call:
    made, x, state = cell_input(g)
    return call(made, x, state) if g.chance(0.5) else call(made, x)


@cases("nn.LSTMCell")
def lstm_cell(g: Draw) -> Call:
    made, x, state = cell_input(g)
    return call(made, x, (state, state)) if g.chance(0.5) else call(made, x)


@cases("nn.MultiheadAttention")
def multihead_attention(g: Draw) -> Call:
    heads, batch, length, source = g.randint(1, 2), g.positive(), g.positive(), g.positive()
    embed = heads * g.positive() + g.choice([0, 0, 0, 0, 1])
    first = g.chance(0.5)
    other = {"kdim": 3, "vdim": 5} if g.chance(0.2) else {}

    def make(count: int, size: int) -> T:
        shape = (batch, count, size) if first else (count, batch, size)
        return T(some_shape(g, *shape, probability=0.05))

    query, key, value = (
        make(length, embed),
        make(source, other.get("kdim", embed)),
        make(source, other.get("vdim", embed)),
    )
    options_ = {"need_weights": g.chance(0.7), "average_attn_weights": g.chance(0.5)} if g.chance(0.6) else {}
    return call(call(embed, heads, batch_first=first, **other), query, key, value, **options_)


@cases("nn.TransformerEncoderLayer")
def encoder_layer(g: Draw) -> Call:
    heads = g.randint(1, 2)
    model = heads * g.positive() + g.choice([0, 0, 0, 0, 1])
    batch = positive(g, 0, 1)
    return call(call(model, heads, 4, batch_first=g.chance(0.5)), T(some_shape(g, *batch, g.positive(), model)))


@cases("nn.TransformerDecoderLayer")
def decoder_layer(g: Draw) -> Call:
    tgt, memory, made = pair(g)
    return call(call(*made[:2], 4, batch_first=made[2]), tgt, memory)


def pair(g: Draw) -> tuple[T, T, tuple[int, int, bool]]:
    """A target, a source, and the model that takes both."""
    heads, batch, first = g.randint(1, 2), positive(g, 0, 1), g.chance(0.5)
    model = heads * g.positive()

    def make(length: int) -> T:
        shape = (*batch, length, model) if first else (length, *batch, model)
        return T(some_shape(g, *shape, probability=0.1))

    return make(g.positive()), make(g.positive()), (model, heads, first)


@cases("nn.Transformer")
def transformer(g: Draw) -> Call:
    tgt, source, (model, heads, first) = pair(g)
    return call(call(model, heads, 1, 1, 4, batch_first=first), source, tgt)


def encoded(constructor: Call, src: torch.Tensor) -> torch.Tensor:
    layer = torch.nn.TransformerEncoderLayer(src.shape[-1], 1, 4)
    return torch.nn.TransformerEncoder(layer, 1)(src)


@cases("nn.TransformerEncoder", torch=encoded)
def encoder(g: Draw) -> Call:
    return call(call(None, 1), T(positive(g, 2, 3)))


def decoded(constructor: Call, tgt: torch.Tensor, memory: torch.Tensor) -> torch.Tensor:
    layer = torch.nn.TransformerDecoderLayer(tgt.shape[-1], 1, 4)
    return torch.nn.TransformerDecoder(layer, 1)(tgt, memory)


@cases("nn.TransformerDecoder", torch=decoded)
def decoder(g: Draw) -> Call:
    model = g.positive()
    return call(call(None, 1), T((g.positive(), 2, model)), T((g.positive(), 2, model)))
