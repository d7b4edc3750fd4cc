"""Source that checks one tensor: its class and dtype, then its shape in one unpacking.

if not isinstance(x, Tensor) or x.dtype not in Float: raise Miss
b, c, n = x.shape                    # first sight of b and c; another rank is a ValueError, which is a miss too
if n != 3: raise Miss

Reading a tensor through Python is most of the cost. So a dtype or shape that several tensors have to have is kept, and
compared as a whole; and where nobody asks for a size, only the rank is read.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence
from typing import Any

from shapecheck.core import expression
from shapecheck.core.expression import Expression
from shapecheck.core.spec import AnyDims, Computed, Dim, Fixed, Named, Variadic
from shapecheck.core.unify import Shape, broadcast_together, broadcasts_to
from shapecheck.runtime import arrays
from shapecheck.runtime.checks import TensorCheck
from shapecheck.runtime.names import Names, is_settled, key_of
from shapecheck.runtime.source import Source

__all__ = ["Miss", "TensorSource", "isinstance_source"]


class Miss(ValueError):
    """The fast path can't tell."""


class TensorSource:
    """Writes the checks of tensors that share their names.

    A `certain` tensor is one that every call has; others stand in a union or a container, where a name may have been
    bound before or not. Of certain ones, `#b` and expressions wait in `later` until all names are seen.
    """

    def __init__(self, source: Source, names: Names) -> None:
        self.source = source
        self.names = names
        self.later: list[tuple[str, Dim]] = []

    def miss(self, *conditions: str) -> None:
        """Leave the fast path if one of the conditions holds; without any, leave it."""
        leave = f"raise {self.source.name_of(Miss, 'Miss')}"
        self.source(f"if {' or '.join(conditions)}: {leave}" if conditions else leave)

    def write(self, value: str, check: TensorCheck, certain: bool, is_array: bool = False) -> None:
        """Write the checks of one value; `is_array` says that its class has been checked."""
        if conditions := self.wrong_type(value, check, certain)[is_array:]:
            self.miss(*conditions)
        dims = check.spec.dims
        if any(isinstance(dim, Named | Variadic) and dim.treepath for dim in dims):
            self.miss()
        elif not dims:
            self.miss(f"{value}.ndim" if arrays.is_torch(check.array) else f"{value}.shape != ()")
        elif (known := self.names.shapes.get(check.spec.text)) is not None:
            # Dynamo can't tell what symbolic sizes make of this, and goes on inside: a guard for each, as without us.
            with self.source.block(f"if ({value}.shape == {known}) is not True:"):
                self.shape(value, dims, certain)
        elif certain and self.only_rank(check):  # in a container a name stands for the sizes of several tensors
            variadic = check.spec.variadic is not None
            self.miss(f"{value}.ndim {'<' if variadic else '!='} {len(dims) - variadic}")
        elif dims != (AnyDims(),):
            kept = ""
            if all(map(is_settled, dims)) and self.names.keeps(check.spec.text) and certain:
                kept = self.names.shapes[check.spec.text] = self.source.local()
            self.shape(value, dims, certain, kept)
        elif certain:
            self.names.sizes.append(f"{value}.shape")

    def finish(self) -> None:
        """Compare what had to wait."""
        for variable, dim in sorted(self.later, key=lambda waiting: isinstance(waiting[1], Computed)):
            self.compare(variable, dim, certain=True)
        self.later.clear()

    def wrong_type(self, value: str, check: TensorCheck, certain: bool) -> list[str]:
        conditions = []
        if check.array is not None:
            conditions.append(f"not {isinstance_source(self.source, value, (check.array,))}")
        if not arrays.is_torch(check.array):
            read = self.source.name_of(arrays.dtype_name, "dtype_name")
            accepted = self.source.name_of(check.accepts_dtype, f"accepts_{check.word}")
            conditions.append(f"not {accepted}({read}({value}))")
        elif (dtypes := arrays.torch_dtypes(check)) is not None:
            conditions.append(self.wrong_dtype(value, dtypes, check.word, certain))
        return conditions

    def wrong_dtype(self, value: str, dtypes: frozenset[Any], word: str, certain: bool) -> str:
        if len(dtypes) == 1:
            return f"{value}.dtype is not {self.source.name_of(next(iter(dtypes)), word)}"
        accepted = self.source.name_of(dtypes, word)
        if dtypes in self.names.dtypes:
            found = self.source.scratch(0)
            return f"({found} := {value}.dtype) is not {self.names.dtypes[dtypes]} and {found} not in {accepted}"
        if self.names.keeps(dtypes) and certain:
            self.names.dtypes[dtypes] = self.source.local()
            return f"({self.names.dtypes[dtypes]} := {value}.dtype) not in {accepted}"
        return f"{value}.dtype not in {accepted}"

    def only_rank(self, check: TensorCheck) -> bool:
        """Whether nobody asks for a size of the tensor."""
        dims = check.spec.dims
        unread = all(not isinstance(dim, Fixed | Computed) and key_of(dim) in self.names.unread for dim in dims)
        return unread and dims != (AnyDims(),) and arrays.is_torch(check.array)

    def shape(self, value: str, dims: Sequence[Dim], certain: bool, kept: str = "") -> None:
        """Take a shape apart and compare its sizes; the variable `kept`, if there is one, holds it as a whole."""
        targets, compared = [], []
        for index, dim in enumerate(dims):
            if certain and self.binds(dim):
                variable = self.names.local[key_of(dim)]
                self.names.certain.add(key_of(dim))
                self.names.exact.add(key_of(dim))
                self.keep(variable, dim)
            else:
                at_once = is_settled(dim) or not certain
                variable = self.source.scratch(index) if at_once else self.source.local()
                compared.append((variable, dim))
            targets.append("*" * isinstance(dim, Variadic | AnyDims) + variable)
        apart = f"{', '.join(targets)}{',' * (len(targets) == 1)}"
        self.source(" = ".join(filter(None, (kept, apart, f"{value}.shape"))))
        conditions = []
        for variable, dim in compared:
            if certain and (isinstance(dim, Computed) or (key_of(dim) and dim.broadcast)):  # type: ignore[union-attr]
                self.later.append((variable, dim))
            elif condition := self.compare(variable, dim, certain):
                conditions.append(condition)
            if certain and not isinstance(dim, Fixed) and (not key_of(dim) or dim.broadcast):  # type: ignore[union-attr]
                self.keep(variable, dim)
        if conditions:
            self.miss(*conditions)

    def binds(self, dim: Dim) -> bool:
        """Whether this is the first sight of a name."""
        key = key_of(dim)
        if not key or dim.broadcast:  # type: ignore[union-attr]
            return False
        return key not in self.names.certain | self.names.earlier

    def keep(self, variable: str, dim: Dim) -> None:
        self.names.sizes.append(f"(*{variable},)" if isinstance(dim, Variadic | AnyDims) else variable)

    def compare(self, variable: str, dim: Dim, certain: bool) -> str | None:
        """The condition under which a size isn't what `dim` says; None where statements were written instead."""
        match dim:
            case Fixed(size=size, broadcast=broadcast):
                return f"{variable} != {size}" + f" and {variable} != 1" * broadcast
            case Computed(tree=tree, broadcast=broadcast):
                self.miss(f"{variable} != {self.expression(tree)}" + f" and {variable} != 1" * broadcast)
            case Named(name=name, broadcast=False):
                return self.known(variable, name)
            case Named(name=name):
                with self.source.block(f"if {variable} != 1:"):
                    if condition := self.known(variable, name):
                        self.miss(condition)
            case Variadic(broadcast=False):
                return self.several(variable, key_of(dim), certain)
            case Variadic():
                self.stretched(variable, key_of(dim), certain)
        return None

    def known(self, variable: str, key: str) -> str | None:
        known = self.names.local[key]
        if key in self.names.certain:
            return f"{variable} != {known}"
        self.source(f"if {known} is None: {known} = {variable}")
        self.source(f"elif {known} != {variable}: raise {self.source.name_of(Miss, 'Miss')}")
        return None

    def several(self, variable: str, key: str, certain: bool) -> str | None:
        if key not in self.names.stretched or {key} <= self.names.certain & self.names.exact:
            return self.known(variable, key)
        if not certain or key not in self.names.certain:
            self.miss()
            return None
        known = self.names.local[key]  # so far only stretched: this one says to what
        fits = self.source.name_of(broadcasts_to, "broadcasts_to")
        self.miss(f"{variable} != {known} and not {fits}({known}, {variable})")
        self.source(f"{known} = {variable}")
        self.names.exact.add(key)
        return None

    def stretched(self, variable: str, key: str, certain: bool) -> None:
        known = self.names.local[key]
        if key in self.names.certain & self.names.exact:
            fits = self.source.name_of(broadcasts_to, "broadcasts_to")
            self.miss(f"{variable} != {known} and not {fits}({variable}, {known})")
        elif not certain or (key in self.names.earlier and key not in self.names.certain):
            self.miss()
        elif key in self.names.certain:
            self.source(
                f"if {variable} != {known}: {known} = {self.source.name_of(_joined, 'joined')}({variable}, {known})"
            )
        else:
            self.source(f"{known} = {variable}")
            self.names.certain.add(key)

    def expression(self, tree: Expression) -> str:
        match tree:
            case expression.Const(value):
                return str(value)
            case expression.Name(name):
                return self.names.local[name]
            case expression.Field(text):
                return f"({self.field(text)})"
            case expression.Operation(symbol, left, right):
                return f"({self.expression(left)} {symbol} {self.expression(right)})"
            case expression.Apply(function, arguments):
                called = self.source.name_of(expression.FUNCTIONS[function], function)
                return f"{called}({', '.join(map(self.expression, arguments))})"

    def field(self, text: str) -> str:
        """A ``{...}`` as it stands in the checker: with Python's `len`, whatever the user's module calls `len`."""
        tree = ast.parse(text, mode="eval")
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id not in self.names.arguments and hasattr(builtins, node.id):
                node.id = self.source.name_of(getattr(builtins, node.id), node.id)
        return ast.unparse(tree)


def isinstance_source(source: Source, value: str, classes: tuple[type, ...]) -> str:
    """``isinstance(value, classes)``."""
    if classes == (type(None),):
        return f"{value} is None"
    names = [source.name_of(cls, cls.__name__ if cls.__name__.isidentifier() else "class") for cls in classes]
    function = source.name_of(isinstance, "isinstance")
    return f"{function}({value}, {names[0] if len(names) == 1 else '(' + ', '.join(names) + ')'})"


def _joined(left: Shape, right: Shape) -> list[object]:
    together = broadcast_together(left, right)
    if together is None:
        raise Miss
    return [*together]
