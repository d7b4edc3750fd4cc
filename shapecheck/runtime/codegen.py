"""The fast path of a contract: straight-line source that reads each tensor once and raises `Miss` at any doubt.

It only has to be sufficient: what it passes is right; whatever it misses goes to `reference`, which alone decides.
Tensors that every call has come first and bind their names for certain. Those in unions and containers find a name
bound, or None. `#b` and expressions of the former come last, when every name has been seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from shapecheck.core import expression
from shapecheck.core.spec import Computed
from shapecheck.runtime import arrays
from shapecheck.runtime.checks import (
    Anything,
    Check,
    Fields,
    Instance,
    Items,
    OneOf,
    Other,
    Pairs,
    Row,
    TensorCheck,
    Tree,
    tensors,
)
from shapecheck.runtime.names import Names
from shapecheck.runtime.nontensors import accepts
from shapecheck.runtime.source import Source
from shapecheck.runtime.tensor_source import Miss, TensorSource, isinstance_source

__all__ = ["Miss", "write_scope"]

MAX_ITEMS = 10_000  # longer containers are the reference's, which knows the cap in force
MAX_DEPTH = 3  # of classes within classes, which may hold themselves


def write_scope(source: Source, names: Names, parts: Sequence[tuple[str, Check]], depth: int = 0) -> None:
    """Write the checks of values that share their names: the source of each value, and what it has to be."""
    names.start(source, parts)
    writer = TensorSource(source, names)
    for value, check in parts:
        if isinstance(check, TensorCheck):
            writer.write(value, check, certain=True)
    for value, check in parts:
        if not isinstance(check, TensorCheck):
            _Values(writer, depth).write(value, check)
    writer.finish()
    names.finish()


class _Values:
    """Writes the checks of values that aren't tensors, or only sometimes."""

    def __init__(self, tensors: TensorSource, depth: int) -> None:
        self.tensors, self.source, self.miss, self.depth = tensors, tensors.source, tensors.miss, depth

    def write(self, value: str, check: Check) -> None:
        match check:
            case Anything():
                pass
            case Instance(classes=classes):
                self.require(value, classes)
            case Other(hint=hint):
                self.miss(f"not {self.source.name_of(accepts(hint), 'accepts')}({value})")
            case TensorCheck():
                self.tensors.write(value, check, certain=False)
            case OneOf(branches=branches):
                self.union(value, branches)
            case Items(kind=kind, item=item):
                self.sized(value, kind)
                each = self.source.local()
                with self.source.block(f"for {each} in {value}:"):
                    self.write(each, item)
            case Pairs(kind=kind, key=key, value=item):
                self.sized(value, kind)
                each_key, each = self.source.local(), self.source.local()
                with self.source.block(f"for {each_key}, {each} in {value}.items():"):
                    self.write(each_key, key)
                    self.write(each, item)
            case Row(items=items):
                self.row(value, items)
            case Fields():
                self.fields(value, check)
            case Tree():
                self.miss()

    def require(self, value: str, classes: tuple[type, ...]) -> None:
        self.miss(f"not {isinstance_source(self.source, value, classes)}")

    def sized(self, value: str, kind: type) -> None:
        self.require(value, (kind,))
        self.miss(f"{self.source.name_of(len, 'len')}({value}) > {MAX_ITEMS}")

    def row(self, value: str, items: Sequence[Check]) -> None:
        self.require(value, (tuple,))
        if not items:
            self.miss(f"{value} != ()")
            return
        parts = [self.source.local() for _ in items]
        self.source(f"{', '.join(parts)}{',' * (len(parts) == 1)} = {value}")
        for part, item in zip(parts, items, strict=True):
            self.write(part, item)

    def fields(self, value: str, check: Fields) -> None:
        """A class that holds tensors: its names are its own."""
        if self.depth >= MAX_DEPTH or any(map(_mentions_arguments, check.fields.values())):
            self.miss()
            return
        self.require(value, (dict if check.access == "key" else check.kind,))
        read = "{}[{!r}]" if check.access == "key" else "{}.{}"
        required, optional = [], []
        names = Names()
        names.add(self.source, check.fields.values())
        for name, part in check.fields.items():
            if name in check.optional:
                optional.append((name, part))
                continue
            variable = self.source.local()
            self.source(f"{variable} = {read.format(value, name)}")
            required.append((variable, part))
        if optional and names.local:
            self.source(f"{' = '.join(names.local.values())} = None")
        write_scope(self.source, names, required, self.depth + 1)
        inner = _Values(TensorSource(self.source, names), self.depth + 1)
        for name, part in optional:
            variable = self.source.local()
            with self.source.block(f"if {name!r} in {value}:"):
                self.source(f"{variable} = {read.format(value, name)}")
                inner.write(variable, part)

    # --- unions ------------------------------------------------------------------------------------------------

    def union(self, value: str, branches: Sequence[Check]) -> None:
        """``if`` a branch alone can be meant, check that branch; where no cheap test tells, leave the fast path."""
        ordered = sorted(branches, key=_is_simple)
        tests = [self.only(value, branch, branches) for branch in ordered]
        if not all(tests):
            self.miss()
            return
        keyword = "if"
        for branch, test in zip(ordered, tests, strict=True):
            with self.source.block(f"{keyword} {test}:"):
                if isinstance(branch, TensorCheck):
                    self.tensors.write(value, branch, certain=False, is_array=True)
                elif not _is_simple(branch):
                    self.write(value, branch)
            keyword = "elif"
        with self.source.block("else:"):
            self.miss()

    def only(self, value: str, branch: Check, branches: Sequence[Check]) -> str | None:
        """A condition under which, of the branches with tensors, only this one can be meant."""
        rivals = [rival for rival in branches if rival is not branch and not _is_simple(rival)]
        match branch:
            case Instance(classes=classes):
                return isinstance_source(self.source, value, classes)
            case Other(hint=hint):
                return f"{self.source.name_of(accepts(hint), 'accepts')}({value})"
        kind = _kind(branch)
        if kind is None or any(_kind(rival) is None for rival in rivals):
            return None
        conditions = [isinstance_source(self.source, value, (kind,))]
        for rival in rivals:
            if _related(kind, _kind(rival)):
                told_apart = self.told_apart(value, branch, rival)
                if told_apart is None:
                    return None
                conditions.append(told_apart)
        return " and ".join(dict.fromkeys(conditions))

    def told_apart(self, value: str, branch: Check, rival: Check) -> str | None:
        """A condition that holds for this tensor branch and not for the rival."""
        if not isinstance(branch, TensorCheck) or not isinstance(rival, TensorCheck):
            return None
        if len(branch.spec.dims) != len(rival.spec.dims) and branch.spec.variadic is rival.spec.variadic is None:
            return f"{value}.ndim == {len(branch.spec.dims)}"
        if not arrays.is_torch(branch.array) or not arrays.is_torch(rival.array):
            return None
        ours, theirs = arrays.torch_dtypes(branch), arrays.torch_dtypes(rival)
        if ours is None or theirs is None or ours & theirs:
            return None
        return f"{value}.dtype in {self.source.name_of(ours, branch.word)}"


def _is_simple(check: Check) -> bool:
    return isinstance(check, Instance | Other | Anything)


def _kind(check: Check) -> type | None:
    match check:
        case TensorCheck(array=kind) | Items(kind=kind) | Pairs(kind=kind) | Fields(kind=kind, access="attribute"):
            return kind
        case Row():
            return tuple
        case Fields():
            return dict
    return None


def _related(left: type | None, right: type | None) -> bool:
    """Whether a value may well be of both kinds."""
    return left is None or right is None or issubclass(left, right) or issubclass(right, left)


def _mentions_arguments(check: Check) -> bool:
    dims = (dim for tensor in tensors(check) for dim in tensor.spec.dims)
    return any(isinstance(dim, Computed) and any(expression.fields(dim.tree)) for dim in dims)
