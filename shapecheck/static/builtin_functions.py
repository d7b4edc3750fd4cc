"""Python's own functions, and those of `math` and `functools`, on abstract values."""

from __future__ import annotations

import ast
from collections.abc import Callable

from shapecheck.core.ops.shapes import product
from shapecheck.core.sizes import Size, maximum, minimum
from shapecheck.core.tensors import BOOL, FLOAT, STRING, UNKNOWN, Repeated, TensorValue
from shapecheck.static.arithmetic import binary, negated
from shapecheck.static.dispatch import Arguments, attribute, call, evaluate
from shapecheck.static.displays import MOST_UNROLLED, an_element, elements, length_of
from shapecheck.static.environment import join_values
from shapecheck.static.frame import Frame
from shapecheck.static.narrowing import truth_of
from shapecheck.static.operations import apply_op
from shapecheck.static.values import (
    Choice,
    Dict,
    Object,
    Partial,
    Value,
    repeated,
    same,
)

__all__ = ["FUNCTIONS", "builtin"]

Implementation = Callable[[Arguments, ast.AST, Frame], Value]
FUNCTIONS: dict[str, Implementation] = {}


def builtin(*names: str) -> Callable[[Implementation], Implementation]:
    def enter(implementation: Implementation) -> Implementation:
        FUNCTIONS.update(dict.fromkeys(names, implementation))
        return implementation

    return enter


def _only(arguments: Arguments) -> Value:
    """The one argument of a call, UNKNOWN where there isn't exactly one."""
    return arguments.positional[0] if len(arguments.positional) == 1 and not arguments.keywords else UNKNOWN


@builtin("builtins.len")
def length(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    value = _only(arguments)
    match value:
        case str():
            return Size.of(len(value))
        case Choice(options):
            return join_values(length_of(option) for option in options if option is not None)
        case Object(info) if info.method("__len__"):
            return call(attribute(value, "__len__", node, frame), Arguments(), node, frame)
    return length_of(value)


@builtin("builtins.range")
def counting(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    bounds = arguments.positional
    if not bounds or not all(isinstance(bound, Size) for bound in bounds):
        return Repeated(Size.unknown("i"), Size.unknown())
    numbers = [bound.constant for bound in bounds if isinstance(bound, Size)]
    if None not in numbers:
        steps = range(*[number for number in numbers if number is not None]) if 0 not in numbers[2:] else range(0)
        if len(steps) <= MOST_UNROLLED:
            return [Size.of(step) for step in steps]
        return Repeated(Size.unknown("i"), Size.of(len(steps)))
    match bounds:
        case (Size() as stop,):
            return Repeated(Size.unknown("i"), stop)
        case (Size() as start, Size() as stop):
            return Repeated(Size.unknown("i"), stop - start)
    return Repeated(Size.unknown("i"), Size.unknown())


@builtin("builtins.zip")
def zipped(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    known = [elements(value) for value in arguments.positional]
    if known and None not in known:
        return [tuple(row) for row in zip(*[values for values in known if values is not None], strict=False)]
    together = tuple(an_element(value) for value in arguments.positional)
    lengths = [length_of(value) for value in arguments.positional] or [Size.unknown()]
    return repeated(together, lengths[0])


@builtin("builtins.enumerate")
def numbered(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    if not arguments.positional:
        return UNKNOWN
    source = arguments.positional[0]
    start = arguments.keywords.get("start", arguments.positional[1] if len(arguments.positional) > 1 else Size.of(0))
    known = elements(source)
    if known is not None and isinstance(start, Size):
        return [(start + index, value) for index, value in enumerate(known)]
    return repeated((Size.unknown("i"), an_element(source)), length_of(source))


@builtin(
    "builtins.list", "builtins.tuple", "builtins.sorted", "builtins.reversed", "builtins.iter", "collections.deque"
)
def listed(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else "list"
    if not arguments.positional:
        return () if name == "tuple" else []
    known = elements(arguments.positional[0])
    if known is None:
        return repeated(an_element(arguments.positional[0]), length_of(arguments.positional[0]))
    if name == "sorted":
        return repeated(join_values(known), Size.of(len(known))) if known else []
    known = known[::-1] if name == "reversed" else known
    return tuple(known) if name == "tuple" else known


@builtin("builtins.next")
def following(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    return an_element(arguments.positional[0]) if arguments.positional else UNKNOWN


@builtin("builtins.dict", "collections.OrderedDict")
def mapping(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    match arguments.positional:
        case ():
            return Dict({**arguments.keywords})
        case (Dict(entries, rest),):
            return Dict({**entries, **arguments.keywords}, rest)
        case (list() as pairs,) if all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
            keyed = {pair[0]: pair[1] for pair in pairs if isinstance(pair, tuple) and isinstance(pair[0], str)}
            return Dict({**keyed, **arguments.keywords}, None if len(keyed) == len(pairs) else UNKNOWN)
    return Dict({}, UNKNOWN)


@builtin("builtins.int", "math.floor")
def whole(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    value = _only(arguments)
    match value:
        case Size():
            return value
        case bool() | float():
            return Size.of(int(value)) if value == value and abs(value) < 1e18 else UNKNOWN
    quotient = _division(node, frame)
    return quotient[0] // quotient[1] if quotient else Size.unknown()


@builtin("math.ceil")
def ceiling(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    value = _only(arguments)
    if isinstance(value, Size):
        return value
    if isinstance(value, float):
        return Size.of(-int(-value // 1))
    quotient = _division(node, frame)
    return -(-quotient[0] // quotient[1]) if quotient else Size.unknown()


def _division(node: ast.AST, frame: Frame) -> tuple[Size, Size] | None:
    """The two sizes of ``int(a / b)``: a true division loses what they are."""
    match node:
        case ast.Call(args=[ast.BinOp(left=left, op=ast.Div(), right=right)]):
            above, below = evaluate(left, frame), evaluate(right, frame)
            if isinstance(above, Size) and isinstance(below, Size):
                return above, below
    return None


@builtin("builtins.float", "math.sqrt", "math.log", "math.log2", "math.log10", "math.exp", "math.cos", "math.sin")
@builtin(
    "math.pow", "math.tan", "math.tanh", "math.atan", "math.atan2", "math.radians", "math.degrees", "numpy.deg2rad"
)
@builtin("time.time", "random.random", "random.uniform", "numpy.sqrt", "numpy.log", "numpy.exp", "numpy.log2")
def some_float(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    scalars = all(isinstance(value, Size | float | bool) or value == FLOAT for value in arguments.positional)
    name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
    return FLOAT if scalars or name == "float" else UNKNOWN


@builtin("builtins.str", "builtins.repr", "builtins.format", "builtins.input", "builtins.chr", "builtins.hex")
def some_string(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    return STRING


@builtin("builtins.print", "warnings.warn")
def nothing(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    return None


@builtin("builtins.bool")
def truth_value(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    verdict = truth_of(_only(arguments))
    return BOOL if verdict is None else verdict


@builtin("builtins.any", "builtins.all")
def quantified(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    known = elements(_only(arguments))
    if known is None:
        return BOOL
    verdicts = [truth_of(value) for value in known]
    wanted = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "any"
    return wanted if wanted in verdicts else BOOL if None in verdicts else not wanted


@builtin("builtins.min", "builtins.max")
def extreme(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    given = list(arguments.positional) if len(arguments.positional) > 1 else elements(_only(arguments)) or []
    if given and all(isinstance(value, Size) for value in given):
        choose = minimum if _name_of(node) == "min" else maximum
        first, *rest = [value for value in given if isinstance(value, Size)]
        return choose(first, *rest)
    if given and all(isinstance(value, Size | float) or value == FLOAT for value in given):
        return FLOAT
    return Size.unknown() if isinstance(an_element(_only(arguments)), Size) else UNKNOWN


def _name_of(node: ast.AST) -> str:
    match node:
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return name
    return ""


@builtin("builtins.abs")
def absolute(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    value = _only(arguments)
    match value:
        case TensorValue():
            return apply_op("torch.abs", arguments, node, frame)
        case Size():
            return Size.of(abs(value.constant)) if value.constant is not None else Size.unknown()
        case float():
            return abs(value)
    return FLOAT if value == FLOAT else UNKNOWN


@builtin("builtins.round")
def rounded(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    value = arguments.positional[0] if arguments.positional else UNKNOWN
    if isinstance(value, Size):
        return value
    if isinstance(value, TensorValue):
        return apply_op("torch.round", Arguments((value,), nodes=arguments.nodes[:1]), node, frame)
    return Size.unknown() if len(arguments.positional) == 1 else FLOAT


@builtin("builtins.divmod")
def quotient_and_rest(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    match arguments.positional:
        case (Size() as above, Size() as below):
            return above // below, above % below
    return UNKNOWN


@builtin("builtins.sum")
def total(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """``sum(xs)`` adds tensors to 0 one by one."""
    if not arguments.positional:
        return UNKNOWN
    source = arguments.positional[0]
    known = elements(source)
    start = arguments.positional[1] if len(arguments.positional) > 1 else arguments.keywords.get("start", Size.of(0))
    if known is None:
        element = an_element(source)
        return element if isinstance(element, TensorValue) else Size.unknown() if isinstance(element, Size) else UNKNOWN
    result = start
    for value in known:
        if isinstance(value, TensorValue) or isinstance(result, TensorValue):
            result = apply_op("operator.add", Arguments((result, value)), node, frame)
        else:
            result = binary("add", result, value)
    return result


@builtin("math.prod", "numpy.prod")
def multiplied(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    known = elements(_only(arguments))
    if known is not None and all(isinstance(value, Size) for value in known):
        return product([value for value in known if isinstance(value, Size)])
    return Size.unknown() if isinstance(an_element(_only(arguments)), Size) else UNKNOWN


@builtin("functools.partial")
def partially_applied(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    if not arguments.positional:
        return UNKNOWN
    return Partial(arguments.positional[0], arguments.positional[1:], arguments.keywords)


@builtin("builtins.map")
def mapped(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    if len(arguments.positional) < 2:
        return UNKNOWN
    function, *sources = arguments.positional
    known = [elements(source) for source in sources]
    if None not in known:
        rows = zip(*[values for values in known if values is not None], strict=False)
        return [call(function, Arguments(tuple(row)), node, frame) for row in rows]
    element = call(function, Arguments(tuple(map(an_element, sources))), node, frame)
    return repeated(element, length_of(sources[0]))


@builtin("functools.reduce")
def folded(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """``reduce(f, xs)``: where the number of elements isn't known, what doing it once more doesn't change."""
    if len(arguments.positional) < 2 or arguments.keywords:
        return UNKNOWN
    function, source, *start = arguments.positional
    known = elements(source)
    if known is None:
        first = start[0] if start else an_element(source)
        second = call(function, Arguments((first, an_element(source))), node, frame)
        return first if same(first, second) else UNKNOWN
    rest = [*start, *known]
    if not rest:
        return UNKNOWN
    result, *others = rest
    for value in others:
        result = call(function, Arguments((result, value)), node, frame)
    return result


@builtin("builtins.filter")
def filtered(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    if len(arguments.positional) != 2:
        return UNKNOWN
    element = an_element(arguments.positional[1])
    kept = [option for option in element.options if option is not None] if isinstance(element, Choice) else [element]
    return repeated(join_values(kept), Size.unknown())


@builtin("operator.neg")
def minus(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    value = _only(arguments)
    return apply_op("operator.neg", arguments, node, frame) if isinstance(value, TensorValue) else negated(value)
