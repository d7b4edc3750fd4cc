"""Recurrent layers, attention and transformers."""

from __future__ import annotations

from collections.abc import Mapping

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.modules.table import WEIGHTS, Hyper, forward
from shapecheck.core.ops.promotion import require_dtype
from shapecheck.core.ops.shapes import agree, shape_text
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import Shape, TensorValue, Undecided, Value

_NEW = "device=None, dtype=None"


def _require_size(name: str, input: TensorValue, dim: int, wanted: Size, said_by: str) -> None:
    at = dim % input.rank
    found = input.dims[at]
    reason = f"dim {at} of `{name}` {shape_text(input.dims)} is {found}, but {said_by} is {wanted}"
    agree(wanted, found, OpError.at(reason, (name, at, found)))


def _require_rank(name: str, input: TensorValue, *ranks: int) -> None:
    if input.rank not in ranks:
        wanted = " or ".join(map(str, ranks))
        reason = f"`{name}` {shape_text(input.dims)} has {input.rank} dims, but must have {wanted}"
        raise OpError.at(reason, (name, None, None))


def _require_shape(name: str, input: TensorValue, wanted: Shape) -> None:
    reason = f"`{name}` {shape_text(input.dims)} must be {shape_text(wanted)}"
    if input.rank != len(wanted):
        raise OpError.at(reason, (name, None, None))
    for dim, (own, size) in enumerate(zip(input.dims, wanted, strict=True)):
        agree(size, own, OpError.at(reason, (name, dim, own)))


# --- recurrent -------------------------------------------------------------------------------------------------

_RECURRENT = "num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False"


def _recurrent_parts(self: Hyper, input: TensorValue) -> tuple[TensorValue, Shape, Size, Size]:
    """The output, the batch, how many states there are, and the size of the output of one direction."""
    _require_rank("input", input, 2, 3)
    _require_size("input", input, -1, self.size("input_size"), "`input_size`")
    require_dtype("input", input, WEIGHTS, "floating point", "`.float()` first")
    directions = 2 if self.flag("bidirectional") else 1
    hidden = self.size("hidden_size")
    projected = self.size("proj_size") if "proj_size" in self.values else Size.of(0)
    out = hidden if projected == 0 else projected
    batch: Shape = ()
    if input.rank == 3:
        batch = (input.dims[0 if self.flag("batch_first") else 1],)
    output = TensorValue((*input.dims[:-1], out * directions), input.dtypes)
    return output, batch, self.size("num_layers") * directions, out


@forward(
    f"nn.RNN(input_size, hidden_size, num_layers=1, nonlinearity='tanh', bias=True, batch_first=False,"
    f" dropout=0.0, bidirectional=False, {_NEW})"
)
def rnn(self: Hyper, input: TensorValue, hx: TensorValue | None = None) -> Value:
    """``(output, hidden)``."""
    return _one_state(self, input, hx)


@forward(f"nn.GRU(input_size, hidden_size, {_RECURRENT}, {_NEW})")
def gru(self: Hyper, input: TensorValue, hx: TensorValue | None = None) -> Value:
    """``(output, hidden)``."""
    return _one_state(self, input, hx)


def _one_state(self: Hyper, input: TensorValue, hx: TensorValue | None) -> Value:
    output, batch, states, out = _recurrent_parts(self, input)
    hidden = (states, *batch, out)
    if hx is not None:
        _require_shape("hx", hx, hidden)
    return (output, TensorValue(hidden, input.dtypes))


@forward(f"nn.LSTM(input_size, hidden_size, {_RECURRENT}, proj_size=0, {_NEW})")
def lstm(self: Hyper, input: TensorValue, hx: Value = None) -> Value:
    """``(output, (hidden, cell))``."""
    output, batch, states, out = _recurrent_parts(self, input)
    hidden, cell = (states, *batch, out), (states, *batch, self.size("hidden_size"))
    match hx:
        case (TensorValue() as h0, TensorValue() as c0) | [TensorValue() as h0, TensorValue() as c0]:
            _require_shape("hx[0]", h0, hidden)
            _require_shape("hx[1]", c0, cell)
    return (output, (TensorValue(hidden, input.dtypes), TensorValue(cell, input.dtypes)))


def _cell(self: Hyper, input: TensorValue) -> Shape:
    _require_rank("input", input, 1, 2)
    _require_size("input", input, -1, self.size("input_size"), "`input_size`")
    return (*input.dims[:-1], self.size("hidden_size"))


@forward(f"nn.RNNCell(input_size, hidden_size, bias=True, nonlinearity='tanh', {_NEW})")
def rnn_cell(self: Hyper, input: TensorValue, hx: TensorValue | None = None) -> Value:
    return _next_state(self, input, hx)


@forward(f"nn.GRUCell(input_size, hidden_size, bias=True, {_NEW})")
def gru_cell(self: Hyper, input: TensorValue, hx: TensorValue | None = None) -> Value:
    return _next_state(self, input, hx)


def _next_state(self: Hyper, input: TensorValue, hx: TensorValue | None) -> Value:
    shape = _cell(self, input)
    if hx is not None:
        _require_shape("hx", hx, shape)
    return TensorValue(shape, input.dtypes)


@forward(f"nn.LSTMCell(input_size, hidden_size, bias=True, {_NEW})")
def lstm_cell(self: Hyper, input: TensorValue, hx: Value = None) -> Value:
    """``(hidden, cell)``."""
    shape = _cell(self, input)
    if isinstance(hx, tuple | list):
        for index, state in enumerate(hx):
            if isinstance(state, TensorValue):
                _require_shape(f"hx[{index}]", state, shape)
    return (TensorValue(shape, input.dtypes), TensorValue(shape, input.dtypes))


# --- attention -------------------------------------------------------------------------------------------------


def _heads_divide(self: Hyper, name: str, heads: str) -> None:
    size, count = self.size(name), self.size(heads)
    reason = f"`{name}` {size} can't be divided by `{heads}` {count}"
    agree(size, size // count * count, OpError.argument(reason, name, heads))


def _attention_prepared(self: Hyper) -> Mapping[str, Value]:
    _heads_divide(self, "embed_dim", "num_heads")
    embed = self.value("embed_dim")
    return {name: embed for name in ("kdim", "vdim") if self.values.get(name) is None}


@forward(
    "nn.MultiheadAttention(embed_dim, num_heads, dropout=0.0, bias=True, add_bias_kv=False, add_zero_attn=False,"
    f" kdim=None, vdim=None, batch_first=False, {_NEW})",
    _attention_prepared,
)
def multihead_attention(
    self: Hyper,
    query: TensorValue,
    key: TensorValue,
    value: TensorValue,
    key_padding_mask: TensorValue | None = None,
    need_weights: bool = True,
    attn_mask: TensorValue | None = None,
    average_attn_weights: bool = True,
    is_causal: Value = False,
) -> Value:
    """``(output, weights)``: the output is as the query, the weights are one row of the source per target."""
    for name, one, size in (("query", query, "embed_dim"), ("key", key, "kdim"), ("value", value, "vdim")):
        _require_rank(name, one, 2, 3)
        _require_size(name, one, -1, self.size(size), f"`{size}`")
    if not query.rank == key.rank == value.rank:
        shapes = ", ".join(shape_text(one.dims) for one in (query, key, value))
        reason = f"`query`, `key` and `value` differ in rank: {shapes}"
        raise OpError.at(reason, ("query", None, None), ("key", None, None), ("value", None, None))
    first = query.rank == 3 and self.flag("batch_first")
    length, source = (query.dims[-2], key.dims[-2]) if first or query.rank == 2 else (query.dims[0], key.dims[0])
    batch = () if query.rank == 2 else (query.dims[0 if first else 1],)
    _require_alike(query, key, value, first)
    output = TensorValue(query.shape, query.dtypes)
    if not need_weights:
        return (output, None)
    extra = sum(self.flag(name) for name in ("add_bias_kv", "add_zero_attn"))
    heads = () if average_attn_weights else (self.size("num_heads"),)
    return (output, TensorValue((*batch, *heads, length, source + extra), query.dtypes))


def _require_alike(query: TensorValue, key: TensorValue, value: TensorValue, batch_first: bool) -> None:
    """One batch for all three, one length for key and value."""
    batch_dim, length_dim = (0, 1) if batch_first else (1, 0)
    if query.rank == 3:
        for name, one in (("key", key), ("value", value)):
            _require_size(name, one, batch_dim, query.dims[batch_dim], "the batch of `query`")
    else:
        length_dim = 0
    _require_size("value", value, length_dim, key.dims[length_dim], "the length of `key`")


# --- transformers ----------------------------------------------------------------------------------------------

_LAYER = (
    "d_model, nhead, dim_feedforward=2048, dropout=0.1, activation=None, layer_norm_eps=1e-05, batch_first=False,"
    f" norm_first=False, bias=True, {_NEW}"
)


def _layer_prepared(self: Hyper) -> Mapping[str, Value]:
    _heads_divide(self, "d_model", "nhead")
    return {}


def _require_model(self: Hyper, name: str, input: TensorValue) -> None:
    _require_rank(name, input, 2, 3)
    _require_size(name, input, -1, self.size("d_model"), "`d_model`")
    require_dtype(name, input, WEIGHTS, "floating point", "`.float()` first")


def _require_batch(self: Hyper, name: str, one: TensorValue, other_name: str, other: TensorValue) -> None:
    if one.rank != other.rank:
        reason = f"`{name}` {shape_text(one.dims)} and `{other_name}` {shape_text(other.dims)} differ in rank"
        raise OpError.at(reason, (name, None, None), (other_name, None, None))
    if one.rank == 3:
        dim = 0 if self.flag("batch_first") else 1
        _require_size(name, one, dim, other.dims[dim], f"the batch of `{other_name}`")


@forward(f"nn.TransformerEncoderLayer({_LAYER})", _layer_prepared)
def encoder_layer(
    self: Hyper, src: TensorValue, src_mask: Value = None, src_key_padding_mask: Value = None, is_causal: Value = False
) -> Value:
    _require_model(self, "src", src)
    return TensorValue(src.shape, src.dtypes)


@forward(f"nn.TransformerDecoderLayer({_LAYER})", _layer_prepared)
def decoder_layer(
    self: Hyper,
    tgt: TensorValue,
    memory: TensorValue,
    tgt_mask: Value = None,
    memory_mask: Value = None,
    tgt_key_padding_mask: Value = None,
    memory_key_padding_mask: Value = None,
    tgt_is_causal: Value = False,
    memory_is_causal: Value = False,
) -> Value:
    _require_model(self, "tgt", tgt)
    _require_model(self, "memory", memory)
    _require_batch(self, "memory", memory, "tgt", tgt)
    return TensorValue(tgt.shape, tgt.dtypes)


@forward("nn.TransformerEncoder(encoder_layer, num_layers, norm=None, enable_nested_tensor=True, mask_check=True)")
def encoder(
    self: Hyper, src: TensorValue, mask: Value = None, src_key_padding_mask: Value = None, is_causal: Value = None
) -> Value:
    """Whatever its layer takes."""
    return TensorValue(src.shape, src.dtypes)


@forward("nn.TransformerDecoder(decoder_layer, num_layers, norm=None)")
def decoder(
    self: Hyper,
    tgt: TensorValue,
    memory: TensorValue,
    tgt_mask: Value = None,
    memory_mask: Value = None,
    tgt_key_padding_mask: Value = None,
    memory_key_padding_mask: Value = None,
    tgt_is_causal: Value = None,
    memory_is_causal: Value = False,
) -> Value:
    """Whatever its layer takes."""
    return TensorValue(tgt.shape, tgt.dtypes)


@forward(
    "nn.Transformer(d_model=512, nhead=8, num_encoder_layers=6, num_decoder_layers=6, dim_feedforward=2048,"
    f" dropout=0.1, activation=None, custom_encoder=None, custom_decoder=None, layer_norm_eps=1e-05, batch_first=False,"
    f" norm_first=False, bias=True, {_NEW})",
    _layer_prepared,
)
def transformer(
    self: Hyper,
    src: TensorValue,
    tgt: TensorValue,
    src_mask: Value = None,
    tgt_mask: Value = None,
    memory_mask: Value = None,
    src_key_padding_mask: Value = None,
    tgt_key_padding_mask: Value = None,
    memory_key_padding_mask: Value = None,
    src_is_causal: Value = None,
    tgt_is_causal: Value = None,
    memory_is_causal: Value = False,
) -> Value:
    if self.value("custom_encoder") is not None or self.value("custom_decoder") is not None:
        raise Undecided
    _require_model(self, "src", src)
    _require_model(self, "tgt", tgt)
    _require_batch(self, "src", src, "tgt", tgt)
    return TensorValue(tgt.shape, tgt.dtypes)
