"""An activation whose output goes into a loss: what the rules about losses and what they are given share."""

import ast
from dataclasses import dataclass

from shapecheck.lint import File, Fix, Level, Note, Violation, unsafe_fix
from shapecheck.lint.analysis.calls import argument, receiver
from shapecheck.lint.analysis.losses import LossCall, loss_call, loss_name
from shapecheck.lint.analysis.outputs import Output, produced
from shapecheck.lint.edits import replace

SCORES = tuple(
    "linear bilinear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d"
    " relu leaky_relu tanh gelu silu batch_norm1d batch_norm2d layer_norm".split()
)


@dataclass(frozen=True, slots=True)
class Activation:
    """The op that made the input of a loss, in words for a message."""

    file: File
    call: LossCall
    output: Output

    @property
    def loss(self) -> str:
        return loss_name(self.file, self.call)

    @property
    def origin(self) -> str:
        """`F.softmax` for a call right here, else with its line: `nn.Softmax(dim=1)` in line 7."""
        made_by = self.output.module or self.output.node
        written = self.file.text(made_by if self.output.module else made_by.func)
        return f"`{written}`" if made_by.lineno == self.call.call.lineno else f"`{written}` in line {made_by.lineno}"

    def violation(self, message: str, level: Level | None = None, fix: Fix | None = None) -> Violation:
        made_by = self.output.module or self.output.node
        notes = () if made_by.lineno == self.call.call.lineno else (Note(made_by, "made here"),)
        return Violation(self.call.call, message, fix, notes, level)

    def without(self) -> Fix | None:
        """Pass the loss what the activation is given, where the activation is called right in its argument."""
        node = self.output.node
        source = argument(node, 0, "input") if self.file.qualified_name(node.func) else receiver(node)
        if node is not self.call.input or self.output.module is not None or source is None:
            return None
        return unsafe_fix(f"drop `{self.file.text(node.func)}`", replace(node, "source", source=source))


def activation_before_loss(file: File, node: ast.Call, kind: str, *ops: str) -> Activation | None:
    """The activation, one of `ops`, that certainly made the input of a loss of this kind."""
    call = loss_call(file, node)
    if call is None or call.kind != kind:
        return None
    output = produced(file, call.input)
    return Activation(file, call, output) if output is not None and output.op in ops else None
