"""Activations, dropout, softmax: modules that are their functional."""

from __future__ import annotations

from shapecheck.core.ops import activations
from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.modules.table import Hyper, forward, same_as
from shapecheck.core.ops.shapes import shape_text
from shapecheck.core.tensors import TensorValue, Value

same_as("nn.ReLU(inplace=False)", "F.relu")
same_as("nn.ReLU6(inplace=False)", "F.relu6")
same_as("nn.LeakyReLU(negative_slope=0.01, inplace=False)", "F.leaky_relu")
same_as("nn.ELU(alpha=1.0, inplace=False)", "F.elu")
same_as("nn.CELU(alpha=1.0, inplace=False)", "F.celu")
same_as("nn.SELU(inplace=False)", "F.selu")
same_as("nn.SiLU(inplace=False)", "F.silu")
same_as("nn.Mish(inplace=False)", "F.mish")
same_as("nn.GELU(approximate='none')", "F.gelu")
same_as("nn.Hardswish(inplace=False)", "F.hardswish")
same_as("nn.Hardsigmoid(inplace=False)", "F.hardsigmoid")
same_as("nn.Hardtanh(min_val=-1.0, max_val=1.0, inplace=False)", "F.hardtanh")
same_as("nn.Sigmoid()", "F.sigmoid")
same_as("nn.Tanh()", "F.tanh")
same_as("nn.Softplus(beta=1.0, threshold=20.0)", "F.softplus")
same_as("nn.Softsign()", "F.softsign")
same_as("nn.LogSigmoid()", "F.logsigmoid")
same_as("nn.Tanhshrink()", "F.tanhshrink")
same_as("nn.Softshrink(lambd=0.5)", "F.softshrink")
same_as("nn.Hardshrink(lambd=0.5)", "F.hardshrink")
same_as("nn.Threshold(threshold, value, inplace=False)", "F.threshold")
same_as("nn.RReLU(lower=0.125, upper=0.333, inplace=False)", "F.rrelu")
same_as("nn.GLU(dim=-1)", "F.glu")
same_as("nn.Softmax(dim=None)", "F.softmax")
same_as("nn.LogSoftmax(dim=None)", "F.log_softmax")
same_as("nn.Softmin(dim=None)", "F.softmin")
same_as("nn.Dropout(p=0.5, inplace=False)", "F.dropout")
same_as("nn.Dropout1d(p=0.5, inplace=False)", "F.dropout1d")
same_as("nn.Dropout2d(p=0.5, inplace=False)", "F.dropout2d")
same_as("nn.Dropout3d(p=0.5, inplace=False)", "F.dropout3d")
same_as("nn.AlphaDropout(p=0.5, inplace=False)", "F.alpha_dropout")
same_as("nn.FeatureAlphaDropout(p=0.5, inplace=False)", "F.feature_alpha_dropout")


@forward("nn.Softmax2d()")
def softmax2d(self: Hyper, input: TensorValue) -> Value:
    """Over the channels of images."""
    if input.rank not in (3, 4):
        raise OpError.at(f"`input` {shape_text(input.dims)} must have 3 or 4 dims", ("input", None, None))
    return TensorValue(input.shape, input.dtypes)


@forward("nn.PReLU(num_parameters=1, init=0.25, device=None, dtype=None)", weight="num_parameters")
def prelu(self: Hyper, input: TensorValue) -> Value:
    return activations.prelu(input, TensorValue((self.size("num_parameters"),), self.dtypes))
