"""Ops declared in the annotation grammar: `op`, and how a signature is matched against operands.

    op("matmul(input, other)", "k, k -> ", "*b n k, k -> *b n", "*#b n k, *#b k m -> *#b n m")

A signature gives each tensor parameter a shape spec, then the result's (several, with commas, for a tuple). The first
signature whose ranks fit is the one that holds. Parameters behind the tensors are numbers; those that are known sizes
are names in the specs. A tensor parameter with the default None may be left out together with its spec.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.hints import why_not
from shapecheck.core.ops.promotion import floating, promote, same_dtype
from shapecheck.core.ops.readers import READERS
from shapecheck.core.ops.shapes import agree, broadcast_shapes, is_one, shape_text
from shapecheck.core.ops.table import REQUIRED, Parameter, add
from shapecheck.core.sizes import Size, from_expression
from shapecheck.core.spec import Computed, Fixed, Named, ShapeSpec, Variadic, parse_shape
from shapecheck.core.tensors import Dtypes, Shape, TensorValue, Undecided, Value
from shapecheck.core.tensors import Named as NamedValues

__all__ = ["DTYPE_RULES", "Signature", "apply_signatures", "op", "parse_declaration", "parse_signature", "words_of"]

Operand = tuple[str, TensorValue]
"""A tensor argument and the name of its parameter."""

DTYPE_RULES: Mapping[str, Callable[[Sequence[Operand]], Dtypes]] = {
    "same": same_dtype,
    "first": lambda operands: operands[0][1].dtypes,
    "promote": lambda operands: promote(tensor for _, tensor in operands),
    "float": lambda operands: floating(promote(tensor for _, tensor in operands)),
    "bool": lambda _: frozenset({"bool"}),
    "int64": lambda _: frozenset({"int64"}),
    "unknown": lambda _: None,
}
"""The dtype of an op's result from its operands."""


@dataclass(frozen=True, slots=True)
class Signature:
    """``"*b n k, k -> *b n"``, parsed."""

    inputs: tuple[ShapeSpec, ...]
    outputs: tuple[ShapeSpec, ...]


def op(
    declaration: str, *signatures: str, kind: str = "other", dtype: str = "same", fields: Sequence[str] = ()
) -> None:
    """Enter an op that signatures describe.

    Args:
        declaration: names and parameters: ``"mm matmul(input, other)"``.
        signatures: in the order in which they are tried.
        kind: what kind of op it is, for the guards.
        dtype: a name in `DTYPE_RULES`.
        fields: names of the results, where there are several and they have names.
    """

    @cache
    def declared() -> tuple[int, tuple[Parameter, ...]]:
        """How many of the parameters are the signatures' tensors, and all of them."""
        tensors = max(len(parse_signature(text).inputs) for text in signatures)
        return tensors, tuple(
            Parameter(one.name, READERS[_reader(index < tensors, one.default)], one.default)
            for index, one in enumerate(parse_declaration(declaration))
        )

    def compute(*arguments: Value) -> Value:
        tensors, parameters = declared()
        operands = [
            (parameter.name, value)
            for parameter, value in zip(parameters[:tensors], arguments, strict=False)
            if isinstance(value, TensorValue)
        ]
        sizes = {
            parameter.name: value
            for parameter, value in zip(parameters[tensors:], arguments[tensors:], strict=True)
            if isinstance(value, Size)
        }
        results = apply_signatures(signatures, operands, sizes, DTYPE_RULES[dtype](operands))
        if fields:
            return NamedValues(fields, results)
        return results[0] if len(results) == 1 else results

    single = not any("," in outputs for _, outputs in map(_sides, signatures))
    add(words_of(declaration), kind, lambda: declared()[1], compute, gives_tensor=single, text="\n".join(signatures))


def _reader(tensor: bool, default: object) -> str:
    if not tensor:
        return "Value"
    return "TensorValue | None" if default is None else "TensorValue"


def words_of(declaration: str) -> str:
    """``"mm matmul"`` of ``"mm matmul(input, other)"``."""
    return declaration.partition("(")[0]


@lru_cache(maxsize=1024)
def parse_declaration(declaration: str) -> tuple[Parameter, ...]:
    """The parameters of ``"mm matmul(input, other)"``, with their defaults."""
    parameters = declaration.partition("(")[2]
    arguments = ast.parse(f"def declared({parameters or 'input)'}: ...").body[0].args  # type: ignore[attr-defined]
    defaults = [REQUIRED] * (len(arguments.args) - len(arguments.defaults)) + list(map(_default, arguments.defaults))
    read = READERS["Value"]
    declared = [Parameter(arg.arg, read, value) for arg, value in zip(arguments.args, defaults, strict=True)]
    if arguments.vararg:
        declared.append(Parameter(arguments.vararg.arg, read, variadic=True))
    if arguments.kwarg:
        declared.append(Parameter(arguments.kwarg.arg, read, any_keyword=True))
    return tuple(declared)


def _default(node: ast.expr) -> object:
    value = ast.literal_eval(node)
    return Size.of(value) if type(value) is int else value


@lru_cache(maxsize=1024)
def parse_signature(text: str) -> Signature:
    """Parse ``"*b n k, k -> *b n"``."""
    inputs, outputs = (
        tuple(parse_shape(part.strip()) for part in side.split(",")) if side else ()
        for side in map(str.strip, _sides(text))
    )
    return Signature(inputs, outputs or (parse_shape(""),))


def _sides(text: str) -> tuple[str, str]:
    inputs, _, outputs = text.partition("->")
    return inputs, outputs


def apply_signatures(
    signatures: Sequence[str], operands: Sequence[Operand], sizes: Mapping[str, Size], dtypes: Dtypes = None
) -> tuple[TensorValue, ...]:
    """The results of the first signature whose ranks fit.

    Raises:
        OpError: none fits, or the sizes don't.
        Undecided: the rank of an operand isn't known.
    """
    for text in signatures:
        signature = parse_signature(text)
        specs = signature.inputs[: len(operands)]
        if len(specs) == len(operands) and all(map(_rank_fits, specs, operands)):
            match = _Match({name: (size, f"`{name}` is") for name, size in sizes.items()})
            for broadcast in (False, True):
                for spec, (name, tensor) in zip(specs, operands, strict=True):
                    match.bind(name, spec, tensor.dims, broadcast)
                match.exact = frozenset(match.sizes)
            match.compute_dims(specs, operands)
            return tuple(TensorValue(match.result(spec), dtypes) for spec in signature.outputs)
    raise _wrong_rank(signatures, operands)


def _rank_fits(spec: ShapeSpec, operand: Operand) -> bool:
    rank = operand[1].rank
    return rank == len(spec.dims) if spec.variadic is None else rank >= len(spec.dims) - 1


def _wrong_rank(signatures: Sequence[str], operands: Sequence[Operand]) -> OpError:
    parsed = [parse_signature(text) for text in signatures]
    at_fault = [
        index
        for index, operand in enumerate(operands)
        if not any(index < len(one.inputs) and _rank_fits(one.inputs[index], operand) for one in parsed)
    ] or range(len(operands))
    names = tuple(operands[index][0] for index in at_fault)
    found = ", ".join(f"`{operands[i][0]}` {shape_text(operands[i][1].dims)}" for i in at_fault)
    wanted = " or ".join(
        dict.fromkeys(", ".join(f'"{one.inputs[i]}"' for i in at_fault if i < len(one.inputs)) for one in parsed)
    )
    reason = f"{found} {'has' if len(names) == 1 else 'have'} the wrong number of dims: expected {wanted}"
    return OpError(reason, operands=names, dims=(None,) * len(names))


@dataclass(slots=True)
class _Match:
    """What the names of one signature stand for, and who said so: exact dims first, then those with `#`."""

    sizes: dict[str, tuple[Size, str]]
    places: dict[str, tuple[str, int]] = field(default_factory=dict)
    variadics: dict[str, tuple[Shape, str]] = field(default_factory=dict)
    exact: frozenset[str] = frozenset()

    def bind(self, operand: str, spec: ShapeSpec, shape: Shape, broadcast: bool) -> None:
        """Bind the dims of one operand that have `#`, or those that have not."""
        many = spec.variadic
        after = 0 if many is None else len(spec.dims) - many - 1
        for index, dim in enumerate(spec.dims):
            at = index if many is None or index < many else index - len(spec.dims) + len(shape)
            match dim:
                case Variadic(name) if dim.broadcast is broadcast:
                    self._bind_many(operand, name, shape[index : len(shape) - after], broadcast)
                case Named() | Fixed() if dim.broadcast is broadcast:
                    self._bind_one(operand, dim, at, shape)

    def _bind_one(self, operand: str, dim: Named | Fixed, at: int, shape: Shape) -> None:
        size = shape[at]
        match dim:
            case Named(name, broadcast):
                if name not in self.sizes:
                    self.sizes[name] = size, f"dim {at} of `{operand}` is"
                    self.places[name] = operand, at
                    return
                bound, origin = self.sizes[name]
                if bound == size:
                    return
                if broadcast and (is_one(size) or (is_one(bound) and name not in self.exact)):
                    self.sizes[name] = (bound if is_one(size) else size), origin
                    return
                error = self._mismatch(operand, at, shape, bound, origin, name)
                self.sizes[name] = agree(bound, size, error), origin
            case Fixed(number):
                agree(Size.of(number), size, self._mismatch(operand, at, shape, Size.of(number), "expected is", ""))

    def _bind_many(self, operand: str, name: str, shape: Shape, broadcast: bool) -> None:
        if name not in self.variadics:
            self.variadics[name] = shape, operand
            return
        bound, other = self.variadics[name]
        if broadcast:
            self.variadics[name] = broadcast_shapes([(other, bound), (operand, shape)]), other
            return
        reason = f"the dims {shape_text(shape)} of `{operand}` differ from {shape_text(bound)} of `{other}`"
        if len(bound) != len(shape):
            raise OpError(reason, operands=(other, operand), dims=(None, None))
        self.variadics[name] = (
            tuple(
                agree(a, b, OpError(reason, operands=(other, operand), dims=(at, at), sizes=(a, b)))
                for at, (a, b) in enumerate(zip(bound, shape, strict=True))
            ),
            other,
        )

    def compute_dims(self, specs: Sequence[ShapeSpec], operands: Sequence[Operand]) -> None:
        """Compare the computed dims of the operands, now that every name has a size."""
        for spec, (operand, tensor) in zip(specs, operands, strict=True):
            for index, dim in spec.expressions:
                at = spec.index_from_end(index) % tensor.rank
                expected = self._value(dim)
                error = self._mismatch(operand, at, tensor.dims, expected, f"`{dim}` is", "")
                agree(expected, tensor.dims[at], error)

    def result(self, spec: ShapeSpec) -> Shape:
        shape: list[Size] = []
        for dim in spec.dims:
            match dim:
                case Variadic(name):
                    shape.extend(self.variadics[name][0] if name in self.variadics else ())
                case Named(name):
                    shape.append(self._size(name))
                case Fixed(number):
                    shape.append(Size.of(number))
                case Computed():
                    shape.append(self._value(dim))
        return tuple(shape)

    def _size(self, name: str) -> Size:
        if name not in self.sizes:
            raise Undecided
        return self.sizes[name][0]

    def _value(self, dim: Computed) -> Size:
        return from_expression(dim.tree, self._size, self._size)

    def _mismatch(self, operand: str, at: int, shape: Shape, bound: Size, origin: str, name: str) -> OpError:
        reason = f"dim {at} of `{operand}` {shape_text(shape)} is {shape[at]}, but {origin} {bound}"
        other, place = self.places.get(name, (name, None))
        operands, dims = ((other, operand), (place, at)) if other else ((operand,), (at,))
        sizes = (bound, shape[at]) if other else (shape[at], bound)
        return OpError(reason, operands=operands, dims=dims, sizes=sizes, hint=why_not(operand, at, shape, bound))
