"""From a finding to the error that the user reads.

    `pred - target`: (16, 1) and (16,) stretch each other to (16, 16)
        pred    (16, 1)  float32  `pred = model(x)`, train.py:40
      > target  (16,)    float32  argument `target` of step(), called at train.py:55
        at train.py:41, in step
        fix: `target.unsqueeze(1)` or `pred.squeeze(1)`; if every pair is meant, write …

The first line says what happened, then who took part and who made them, where, and what to do. No tensor's values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from shapecheck.core.errors import ShapeError
from shapecheck.runtime.guard.active import Active
from shapecheck.runtime.guard.calls import Arguments, Op
from shapecheck.runtime.guard.expression import operand_texts, origin
from shapecheck.runtime.guard.options import explicit_for
from shapecheck.runtime.guard.raising import through_operators
from shapecheck.runtime.guard.site import Site, callers
from shapecheck.runtime.settings import changed, violated

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Operand:
    """One tensor of the operation, as the message shows it.

    Attributes:
        text: the source of the operand; "" where it can't be told.
        shape: its shape.
        dtype: its dtype, without ``torch.``.
        names: its dims' names as far as known, e.g. ``"b _ d"``.
        made: who made it and where, if known.
    """

    text: str
    shape: Shape
    dtype: str
    names: str
    made: str

    @property
    def label(self) -> str:
        return f"`{self.text}`" if self.text else f"the {self.shape} operand"


def operands_at(site: Site, active: Active, args: Arguments, tensors: Sequence[Tensor]) -> list[Operand]:
    """`tensors`, which are among `args`, as the source at `site` writes them."""
    texts = operand_texts(site.node, len(args))
    return [_operand(tensor, _text_of(tensor, args, texts), site, active) for tensor in tensors]


def report(
    active: Active,
    kind: type[ShapeError],
    rule: str,
    site: Site,
    headline: str,
    operands: Sequence[Operand],
    fix: str,
    **facts: Any,
) -> None:
    """Raise, or warn of, the violation of `rule` at `site`; the last of `operands` is the one at fault."""
    if not _checked_here(rule, active):
        return
    *_, culprit = operands
    error = kind(
        "\n".join([headline, *_table(operands), *_whereabouts(site), f"    fix: {fix}"]),
        function=site.function,
        argument=culprit.text or None,
        found=culprit.shape,
        expected=operands[0].shape if len(operands) > 1 else None,
        rule=rule,
        expression=site.text or None,
        filename=site.place.filename,
        line=site.place.line,
        shapes=tuple(operand.shape for operand in operands),
        made_by=culprit.made or None,
        fix=fix,
        **facts,
    )
    violated(through_operators(error), site.place, active.settings.mode)


def expression_of(site: Site, op: Op) -> str:
    """The operation as the user wrote it, else torch's name for it."""
    text = site.text if len(site.text) <= 80 else site.text[:77] + "..."
    return f"`{text}`" if text else f"{getattr(op, '__name__', op)}()"


def _operand(tensor: Tensor, text: str, site: Site, active: Active) -> Operand:
    names = active.names.get(tensor) or ()
    return Operand(
        text=text,
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        names=" ".join(name or "_" for name in names) if any(names) else "",
        made=origin(text, site),
    )


def _text_of(tensor: Tensor, args: Arguments, texts: Sequence[str]) -> str:
    return next((text for arg, text in zip(args, texts, strict=False) if arg is tensor), "")


def _table(operands: Sequence[Operand]) -> list[str]:
    rows = [
        (
            operand.text or "(operand)",
            f'"{operand.names}"' if operand.names else "",
            str(operand.shape),
            operand.dtype,
            operand.made,
        )
        for operand in operands
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width) for row in rows]
    return [
        ("  > " if row is operands[-1] else "    ") + line.rstrip() for row, line in zip(operands, lines, strict=True)
    ]


def _whereabouts(site: Site) -> list[str]:
    lines = [f"    at {site}"]
    if site.library or site.generated:
        mine = next((outer for _, outer in callers() if not outer.library and not outer.generated), None)
        if mine is not None:
            lines.append(f"    reached from {mine}" + (f": `{mine.text}`" if 0 < len(mine.text) <= 80 else ""))
    return lines


def _checked_here(rule: str, active: Active) -> bool:
    """Whether no contract between the guard and the operation switches the rule off for itself."""
    for frame, _ in callers():
        options = explicit_for(frame.f_code)
        if options is not None:
            if rule == "dims" and frame.f_code is not active.named_by:
                return False  # another function's dims have names of their own
            settings = changed(active.settings, options, "guard")
            return settings.broadcast != "allow" if rule in _LEVELS else bool(getattr(settings, rule))
    return True


_LEVELS = ("echo", "outer", "rank", "strict")
