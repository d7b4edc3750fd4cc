"""Contracts: what a hint promises of a value, what a value binds a hint's names to, and where the two disagree.

`promised` makes the value that a parameter stands for inside the function: names are rigid sizes there, `...` and
`*name` have the rank that is being tried. `match` holds a value against a hint, as a call does with its arguments and
a `return` with its value; names that are new are bound by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from shapecheck.core import expression
from shapecheck.core.equality import equal
from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.shapes import broadcast_shapes
from shapecheck.core.sizes import Size, Symbol, from_expression
from shapecheck.core.spec import Anonymous, AnyDims, Computed, Dim, Fixed, Named, ShapeSpec, Variadic
from shapecheck.core.tensors import BOOL, FLOAT, STRING, UNKNOWN, Repeated, TensorValue
from shapecheck.static.arrays import ArrayValue
from shapecheck.static.environment import DimSize
from shapecheck.static.hints import (
    ClassHint,
    ExternalHint,
    Hint,
    MappingHint,
    ScalarHint,
    SequenceHint,
    TensorHint,
    TupleHint,
    UnionHint,
    tensors,
)
from shapecheck.static.values import Choice, Dict, Value, choice, options, repeated
from shapecheck.static.wording import dtype_label, plural, shape_text

__all__ = ["Mismatch", "Scope", "flexible", "match", "name_dims", "promised"]

Shape = tuple[Size, ...]
FieldReader = Callable[[str], Size]
ObjectMaker = Callable[[Hint, str], Value]


def _no_field(source: str) -> Size:
    return Size.unknown(source)


def flexible(name: str) -> Size:
    """A size that isn't known, with a name to show."""
    fresh = Size.unknown().symbol
    assert fresh is not None
    return Size.of(Symbol(name, rigid=False, tag=fresh.tag))


@dataclass(slots=True)
class Scope:
    """The names of one contract, what they stand for, and who said so.

    Attributes:
        sizes: what each name stands for.
        makers: the parameter that gave a name its size.
        rank: how many dims a `...` or an unbound `*name` has; None where that stays open.
        rigid: whether names that are new stand for every size, as in the function under check.
        read_field: the value of a ``{...}``.
        learned: pairs of sizes that had to be equal and may not have been known to be.
    """

    sizes: dict[str, DimSize] = field(default_factory=dict)
    makers: dict[str, str] = field(default_factory=dict)
    rank: int | None = None
    rigid: bool = False
    read_field: FieldReader = _no_field
    learned: list[tuple[Size, Size]] = field(default_factory=list)

    def copy(self) -> Scope:
        return Scope(dict(self.sizes), dict(self.makers), self.rank, self.rigid, self.read_field, [])

    def size(self, name: str) -> Size:
        """The size of a name; a new one where it has none."""
        found = self.sizes.get(name)
        if isinstance(found, Size):
            return found
        size = Size.of(name) if self.rigid else flexible(name)
        self.sizes[name] = size
        return size

    def value(self, dim: Computed) -> Size:
        return from_expression(dim.tree, self._known_size, self.read_field)

    def _known_size(self, name: str) -> Size:
        """The size of a name in an expression, which can't be what binds it."""
        found = self.sizes.get(name)
        return found if isinstance(found, Size) else flexible(name)


# --- what a parameter stands for -------------------------------------------------------------------------------


def name_dims(hint: Hint, scope: Scope, who: str) -> None:
    """Give the names of a parameter's hint their sizes, before anything is computed from them."""
    for tensor in tensors(hint):
        assert tensor.spec is not None
        for dim in tensor.spec.dims:
            match dim:
                case Named(name, broadcast=False) if name not in scope.sizes:
                    scope.size(name)
                    scope.makers[name] = who
                case Variadic(name, broadcast=False) if name not in scope.sizes and scope.rank is not None:
                    scope.sizes[name] = _many(name, scope.rank, rigid=scope.rigid)
                    scope.makers[name] = who


def _many(name: str, rank: int, *, rigid: bool) -> Shape:
    labels = [f"{name}[{index}]" for index in range(rank)]
    return tuple(Size.of(label) if rigid else flexible(label) for label in labels)


def promised(hint: Hint, scope: Scope, label: str, make_object: ObjectMaker) -> Value:
    """The value that a parameter, or a call's result, stands for; `label` names an integer."""
    match hint:
        case TensorHint(array="np.ndarray", spec=spec):
            return ArrayValue(None if spec is None else _promised_shape(spec, scope))
        case TensorHint(spec=None):
            return TensorValue(None, hint.dtypes)
        case TensorHint(spec=ShapeSpec() as spec):
            return TensorValue(_promised_shape(spec, scope), hint.dtypes)
        case ScalarHint(kind):
            return _scalar(kind, label)
        case UnionHint(inner):
            promises = [promised(option, scope, label, make_object) for option in inner]
            return UNKNOWN if UNKNOWN in promises else choice(promises)
        case TupleHint(items):
            return tuple(promised(item, scope, label, make_object) for item in items)
        case SequenceHint("list" | "tuple", item):
            return repeated(promised(item, scope, label, make_object), flexible(f"len({label})"))
        case MappingHint(value):
            return Dict({}, promised(value, scope, label, make_object))
        case ClassHint() | ExternalHint():
            return make_object(hint, label)
    return UNKNOWN


def _scalar(kind: str, label: str) -> Value:
    match kind:
        case "int":
            return flexible(label)
        case "float":
            return FLOAT
        case "bool":
            return BOOL
        case "str":
            return STRING
        case "None":
            return None
    return UNKNOWN


def _promised_shape(spec: ShapeSpec, scope: Scope) -> Shape | None:
    shape: list[Size] = []
    for dim in spec.dims:
        sizes = _promised_sizes(dim, scope)
        if sizes is None:
            return None
        shape.extend(sizes)
    return tuple(shape)


def _promised_sizes(dim: Dim, scope: Scope) -> Shape | None:
    """The sizes that one dim of a spec stands for; None where not even their number is known."""
    match dim:
        case Fixed(size, broadcast):
            return (flexible(str(size)) if broadcast else Size.of(size),)
        case Named(name, broadcast):
            return (flexible(name) if broadcast else scope.size(name),)
        case Computed() as computed:
            return (flexible(computed.text) if computed.broadcast else scope.value(computed),)
        case Anonymous(name):
            return (flexible(name or "_"),)
        case Variadic(name, broadcast):
            bound = scope.sizes.get(name)
            if isinstance(bound, tuple) and not broadcast:
                return bound
            return None if scope.rank is None else _many(name, scope.rank, rigid=False)
        case AnyDims():
            return None if scope.rank is None else _many("...", scope.rank, rigid=False)


# --- a value against a hint ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Where a value breaks a promise: `path` leads into containers, `reason` is what is wrong."""

    hint: TensorHint
    value: TensorValue
    reason: str
    path: str = ""
    kind: str = "shape"
    sizes: tuple[Size, ...] = ()


def match(hint: Hint, value: Value, scope: Scope, path: str = "") -> Mismatch | None:
    """The first certain disagreement of a value with a hint, None where there is none; names are bound."""
    if isinstance(value, Choice):
        return _all_fail([(hint, option) for option in value.options], scope, path)
    match hint, value:
        case (TensorHint(array=array), TensorValue()) if isinstance(value, ArrayValue) is not (array == "np.ndarray"):
            return None
        case (TensorHint(spec=None), TensorValue()):
            return _match_dtype(hint, value, path)
        case (TensorHint(), TensorValue()):
            return _match_dtype(hint, value, path) or _match_shape(hint, value, scope, path)
        case (UnionHint(inner), _):
            return _all_fail([(option, value) for option in inner], scope, path)
        case (TupleHint(items), tuple()) if len(items) == len(value):
            pairs = enumerate(zip(items, value, strict=True))
            found = (match(item, part, scope, f"{path}[{index}]") for index, (item, part) in pairs)
            return next((mismatch for mismatch in found if mismatch), None)
        case (SequenceHint(item=item), tuple() | list()):
            found = (match(item, part, scope, f"{path}[{index}]") for index, part in enumerate(value))
            return next((mismatch for mismatch in found if mismatch), None)
        case (SequenceHint(item=item), Repeated(element)):
            return match(item, element, scope, f"{path}[...]")
        case (MappingHint(item), Dict(entries, rest)):
            found = (match(item, part, scope, f"{path}[{key!r}]") for key, part in entries.items())
            return next((mismatch for mismatch in found if mismatch), None) or match(item, rest, scope, f"{path}[...]")
    return None


def _all_fail(pairs: list[tuple[Hint, Value]], scope: Scope, path: str) -> Mismatch | None:
    """A mismatch only where every pair is one; names are bound where just one pair isn't.

    A pair of different kinds (a tensor against `None`) isn't the one that was meant, but no mismatch of shapes either.
    """
    tried = [(pair, scope.copy()) for pair in pairs if _comparable(*pair)]
    found = [(match(*pair, copy, path), copy) for pair, copy in tried]
    passed = [copy for mismatch, copy in found if mismatch is None]
    if len(passed) == 1:
        scope.sizes, scope.makers = passed[0].sizes, passed[0].makers
        scope.learned.extend(passed[0].learned)
    if passed or not found or any(value == UNKNOWN for _, value in pairs):
        return None
    if any(not isinstance(hint, TensorHint | ScalarHint) and not _comparable(hint, value) for hint, value in pairs):
        return None
    return found[0][0]


def _comparable(hint: Hint, value: Value) -> bool:
    match hint, value:
        case (TensorHint(), _):
            return any(isinstance(option, TensorValue) for option in options(value))
        case (UnionHint(inner), _):
            return any(_comparable(option, value) for option in inner)
        case (TupleHint() | SequenceHint(), tuple() | list() | Repeated()) | (MappingHint(), Dict()):
            return True
    return False


def _match_dtype(hint: TensorHint, value: TensorValue, path: str) -> Mismatch | None:
    if hint.dtypes is None or not value.dtypes or hint.dtypes & value.dtypes:
        return None
    return Mismatch(hint, value, f"its dtype is {dtype_label(value.dtypes)}, not {hint.word}", path, "dtype")


def _match_shape(hint: TensorHint, value: TensorValue, scope: Scope, path: str) -> Mismatch | None:
    spec, shape = hint.spec, value.shape
    if spec is None or shape is None:
        return None
    variadic = spec.variadic
    wanted = len(spec.dims) - (variadic is not None)
    if len(shape) < wanted or (variadic is None and len(shape) > wanted):
        at_least = "at least " if variadic is not None else ""
        reason = f"it has {plural(len(shape), 'dim')}, not {at_least}{wanted}"
        return Mismatch(hint, value, reason, path)
    for index, dim, sizes in [*_aligned(spec, shape, computed=False), *_aligned(spec, shape, computed=True)]:
        problem = _match_dim(dim, index, sizes, scope)
        if problem is not None:
            return Mismatch(hint, value, problem[0], path, sizes=problem[1])
    return None


def _aligned(spec: ShapeSpec, shape: Shape, *, computed: bool) -> Iterator[tuple[int, Dim, Shape]]:
    """Each dim of a spec, its index in the shape, and the sizes that it stands for there."""
    many = spec.variadic
    after = 0 if many is None else len(spec.dims) - many - 1
    for index, dim in enumerate(spec.dims):
        if isinstance(dim, Computed) is not computed:
            continue
        if many is None or index < many:
            yield index, dim, shape[index : index + 1]
        elif index == many:
            yield index, dim, shape[index : len(shape) - after]
        else:
            at = len(shape) - (len(spec.dims) - index)
            yield at, dim, shape[at : at + 1]


Problem = tuple[str, tuple[Size, ...]]


def _match_dim(dim: Dim, index: int, sizes: Shape, scope: Scope) -> Problem | None:
    """What is wrong with the sizes that one dim stands for: half a sentence, and the sizes that disagree."""
    match dim:
        case Variadic(name, broadcast):
            return _match_many(name, sizes, broadcast, scope)
        case Named(broadcast=True) | Fixed(broadcast=True) | Computed(broadcast=True) if (
            equal(sizes[0], 1) is not False
        ):
            return None
        case Named(name):
            return _match_named(name, index, sizes[0], scope)
        case Fixed(number):
            return _agree(Size.of(number), sizes[0], f"dim {index} is {sizes[0]}, not {number}", scope)
        case Computed():
            expected = scope.value(dim)
            because = "" if str(expected) == dim.text else f" (`{dim.text}`)"
            reason = f"dim {index} is {sizes[0]}, not {expected}{because}"
            if _is_anothers(sizes[0], expected, dim):
                return reason, (sizes[0], expected)
            return _agree(expected, sizes[0], reason, scope)
    return None


def _is_anothers(size: Size, expected: Size, dim: Computed) -> bool:
    """Whether a dim that the caller's contract leaves free stands where ``{self.heads}`` asks for an object's own size.

    Sizes of objects may otherwise be any: `nn.Linear(d, d)` in `__init__` is meant for the `d` of `forward`.
    """
    own, free = expected.symbol, size.symbol
    if own is None or free is None or own.rigid or not free.rigid or own.name == free.name:
        return False
    return any(field.source.startswith("self.") for field in expression.fields(dim.tree))


def _match_named(name: str, index: int, size: Size, scope: Scope) -> Problem | None:
    bound = scope.sizes.get(name)
    if not isinstance(bound, Size):
        scope.sizes[name] = size
        return None
    maker = scope.makers.get(name)
    if str(bound) == name:
        reason = f"dim {index} is {size}, not {name}"
    elif maker:
        reason = f"dim {index} is {size}, but `{maker}` made `{name}` {bound}"
    else:
        reason = f"dim {index} is {size}, but `{name}` is {bound}"
    return _agree(bound, size, reason, scope)


def _agree(bound: Size, size: Size, reason: str, scope: Scope) -> Problem | None:
    verdict = equal(bound, size)
    if verdict is None:
        scope.learned.append((bound, size))
    return (reason, (size, bound)) if verdict is False else None


def _match_many(name: str, sizes: Shape, broadcast: bool, scope: Scope) -> Problem | None:
    bound = scope.sizes.get(name)
    if not isinstance(bound, tuple):
        scope.sizes[name] = sizes
        return None
    maker = scope.makers.get(name)
    made = f"but `{maker}` made it {shape_text(bound)}" if maker else f"not {shape_text(bound)}"
    reason = f"`*{name}` is {shape_text(sizes)}, {made}"
    if broadcast:
        try:
            scope.sizes[name] = broadcast_shapes([("", bound), ("", sizes)])
        except OpError as error:
            return reason, error.sizes
        return None
    if len(bound) != len(sizes):
        return reason, ()
    problems = (_agree(own, size, reason, scope) for own, size in zip(bound, sizes, strict=True))
    return next((problem for problem in problems if problem), None)
