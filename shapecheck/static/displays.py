"""Displays and comprehensions: tuples, lists, dicts, and what iterating over a value gives."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Sequence

from shapecheck.core.sizes import Size
from shapecheck.core.tensors import UNKNOWN, Repeated, TensorValue
from shapecheck.static.assignment import assign
from shapecheck.static.dispatch import evaluate, evaluates
from shapecheck.static.environment import join_values
from shapecheck.static.frame import Frame
from shapecheck.static.narrowing import narrow, truth
from shapecheck.static.values import Choice, Dict, Layers, Value, repeated

__all__ = ["MOST_UNROLLED", "an_element", "elements", "key_of", "length_of"]

MOST_UNROLLED = 16
"""The longest sequence that is followed element by element."""


@evaluates(ast.Tuple, ast.List)
def display(node: ast.Tuple | ast.List, frame: Frame) -> Value:
    items: list[Value] = []
    length, known = Size.of(0), True
    for element in node.elts:
        value = evaluate(element.value if isinstance(element, ast.Starred) else element, frame)
        spread = elements(value) if isinstance(element, ast.Starred) else [value]
        more = an_element(value)
        if spread is None and not isinstance(more, TensorValue):
            return UNKNOWN
        items.extend([more] if spread is None else spread)
        length = length + length_of(value) if spread is None else length + len(spread)
        known = known and spread is not None
    if not known:  # some tensors that are alike
        return repeated(join_values(items), length)
    return tuple(items) if isinstance(node, ast.Tuple) else items


@evaluates(ast.Dict)
def dictionary(node: ast.Dict, frame: Frame) -> Value:
    entries: dict[Hashable, Value] = {}
    rest: Value = None
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        value = evaluate(value_node, frame)
        key = key_of(evaluate(key_node, frame)) if key_node else None
        if key_node is None and isinstance(value, Dict):
            entries.update(value.entries)
            rest = value.rest if rest is None else rest
        elif key is None:
            rest = UNKNOWN
        else:
            entries[key] = value
    return Dict(entries, rest)


def key_of(value: Value) -> Hashable:
    """A key that is known now: a string or a number; None where it isn't."""
    match value:
        case str() | bool():
            return value
        case Size():
            return value.constant
    return None


@evaluates(ast.Set)
def set_display(node: ast.Set, frame: Frame) -> Value:
    values = [evaluate(element, frame) for element in node.elts]
    return repeated(join_values(values), Size.unknown())


def elements(value: Value) -> list[Value] | None:
    """What iterating over a value gives, where its length is known and it isn't long."""
    match value:
        case tuple() | list():
            return list(value) if len(value) <= MOST_UNROLLED else None
        case Dict(entries, None):
            return [Size.of(key) if type(key) is int else key for key in entries]
        case Layers("ModuleDict", _):
            return None
        case Layers(_, content):
            return elements(content)
        case Repeated(element, length) if (count := length.constant) is not None and 0 <= count <= MOST_UNROLLED:
            return [element] * count
        case TensorValue(shape=(first, *rest)) if (count := first.constant) is not None and 0 <= count <= MOST_UNROLLED:
            return [TensorValue(tuple(rest), value.dtypes)] * count
    return None


def an_element(value: Value) -> Value:
    """What stands for every element of a value that is iterated over."""
    match value:
        case tuple() | list():
            return join_values(value) if value else UNKNOWN
        case Repeated(element):
            return element
        case TensorValue(shape=(_, *rest)):
            return TensorValue(tuple(rest), value.dtypes)
        case TensorValue():
            return TensorValue(None, value.dtypes)
        case Layers("ModuleDict", _):
            return UNKNOWN
        case Layers(_, content):
            return an_element(content)
        case Choice(options):
            return join_values(an_element(option) for option in options if option is not None)
    return UNKNOWN


def length_of(value: Value) -> Size:
    """How many elements a value has."""
    match value:
        case tuple() | list():
            return Size.of(len(value))
        case Repeated(length=length):
            return length
        case TensorValue(shape=(first, *_)):
            return first
        case Dict(entries, None):
            return Size.of(len(entries))
        case Layers(_, content):
            return length_of(content)
    return Size.unknown()


@evaluates(ast.ListComp, ast.GeneratorExp, ast.SetComp)
def comprehension(node: ast.ListComp | ast.GeneratorExp | ast.SetComp, frame: Frame) -> Value:
    before = frame.state
    frame.env = before.copy()
    whole = length_of(evaluate(node.generators[0].iter, frame))
    results, exact = _comprehended(node.generators, node.elt, frame)
    frame.env = before
    if exact:
        return results
    filtered = len(node.generators) > 1 or node.generators[0].ifs
    length = Size.unknown() if filtered else whole
    return repeated(join_values(results), length)


def _comprehended(generators: Sequence[ast.comprehension], element: ast.expr, frame: Frame) -> tuple[list[Value], bool]:
    """The values of `element`, and whether they are exactly the elements of the result."""
    if not generators:
        return [evaluate(element, frame)], True
    first, *rest = generators
    source = evaluate(first.iter, frame)
    known = elements(source)
    results: list[Value] = []
    with frame.run.unrolling(len(known or ())) as allowed:
        exact = known is not None and allowed
        for value in known if known is not None and allowed else [an_element(source)]:
            before = frame.state.copy()
            assign(first.target, value, frame)
            verdict = _passes(first.ifs, frame)
            if verdict is not False:
                found, inner = _comprehended(rest, element, frame)
                results.extend(found)
                exact = exact and inner and verdict is True
            frame.env = before
    return results, exact


def _passes(conditions: Sequence[ast.expr], frame: Frame) -> bool | None:
    """Whether an element passes the conditions, which hold afterwards."""
    verdict: bool | None = True
    for condition in conditions:
        decided = truth(condition, frame)
        if decided is False:
            return False
        verdict = verdict and decided
        narrow(condition, True, frame)
        if frame.env is None:
            return False
    return verdict


@evaluates(ast.DictComp)
def dict_comprehension(node: ast.DictComp, frame: Frame) -> Value:
    before = frame.state
    frame.env = before.copy()
    pair = ast.Tuple([node.key, node.value], ast.Load(), lineno=node.lineno, col_offset=node.col_offset)
    results, exact = _comprehended(node.generators, pair, frame)
    frame.env = before
    pairs = [result for result in results if isinstance(result, tuple)]
    keys = [key_of(key) for key, _ in pairs]
    if exact and None not in keys:
        return Dict(dict(zip(keys, (value for _, value in pairs), strict=True)))
    return Dict({}, join_values(value for _, value in pairs) if pairs else UNKNOWN)
