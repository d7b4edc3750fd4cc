"""Attributes and methods of tensors, sequences, dicts and strings."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from shapecheck.core import ops
from shapecheck.core.ops.shapes import product
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import BOOL, FLOAT, STRING, UNKNOWN, Named, Opaque, Repeated, TensorValue
from shapecheck.static.arrays import METHODS, ArrayValue
from shapecheck.static.assignment import rebind
from shapecheck.static.dispatch import Arguments, attributes
from shapecheck.static.displays import key_of
from shapecheck.static.environment import join_values
from shapecheck.static.frame import Frame
from shapecheck.static.operations import apply_op
from shapecheck.static.values import Bound, Dict, ExternalName, Layer, Layers, Object, Value, choice, repeated

_VIEWS = frozenset({"T", "mT", "H", "mH", "real", "imag"})
_SAME_SHAPE = frozenset({"data", "grad"})
_BOOLEANS = frozenset({"requires_grad", "is_cuda", "is_leaf", "is_sparse", "is_meta", "is_quantized", "is_nested"})
_UNKNOWNS = frozenset({"device", "layout", "grad_fn", "name", "names", "itemsize", "nbytes", "is_cpu"})


@attributes(ArrayValue)
def read_of_array(value: ArrayValue, name: str, node: ast.AST, frame: Frame) -> Value:
    """An attribute of a numpy array: its shape, or a method that torch has too."""
    if name == "size":
        return UNKNOWN if value.shape is None else product(value.shape)
    if name in {"shape", "ndim", "T"}:
        return read_of_tensor(value, name, node, frame)
    return Bound(value, name) if name in METHODS else UNKNOWN


@attributes(TensorValue)
def read_of_tensor(value: TensorValue, name: str, node: ast.AST, frame: Frame) -> Value:
    """An attribute of a tensor: its shape, a view of it, or a method."""
    if name == "shape":
        return value.shape if value.shape is not None else UNKNOWN
    if name == "ndim":
        return UNKNOWN if value.shape is None else Size.of(len(value.shape))
    if name == "dtype":
        return choice([ExternalName(f"torch.{dtype}") for dtype in sorted(value.dtypes)]) if value.dtypes else UNKNOWN
    if name in _SAME_SHAPE:
        return value
    if name in _BOOLEANS:
        return BOOL
    if name in _VIEWS:
        source = node.value if isinstance(node, ast.Attribute) else None
        return apply_op(f"torch.Tensor.{name}", Arguments((value,), nodes=(source,)), node, frame)
    return UNKNOWN if name in _UNKNOWNS else Bound(value, name)


@attributes(tuple, list, Repeated, Dict, str, Opaque, Size, float, bool, Named)
def read_of_value(value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    """A method of a sequence, a dict or a string, or a field of a named tuple."""
    if isinstance(value, Named) and name in value.names:
        return value.field(name)
    return UNKNOWN if value == UNKNOWN else Bound(value, name)


@attributes(Bound)
def read_of_method(value: Bound, name: str, node: ast.AST, frame: Frame) -> Value:
    return UNKNOWN


def call_method(callee: Bound, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """The value of a method call; what changes its receiver binds it anew."""
    receiver = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
    match callee.receiver:
        case ArrayValue():
            return apply_op(METHODS[callee.name], arguments.after(callee.receiver, receiver), node, frame)
        case TensorValue():
            return _tensor_method(callee.receiver, callee.name, arguments, node, receiver, frame)
        case list() | Repeated():
            result, after = _list_method(callee.receiver, callee.name, arguments)
        case Dict():
            result, after = _dict_method(callee.receiver, callee.name, arguments)
        case tuple():
            return _tuple_method(callee.receiver, callee.name)
        case str() | Opaque("str"):
            return _string_method(callee.receiver, callee.name, arguments)
        case Object() | Layer() | Layers():
            result, after = _module_method(callee.receiver, callee.name, arguments)
        case _:
            return UNKNOWN
    if after is not callee.receiver and isinstance(receiver, ast.Name | ast.Attribute | ast.Subscript):
        rebind(receiver, after, frame)
    return result


def _tensor_method(
    value: TensorValue, name: str, arguments: Arguments, node: ast.AST, receiver: ast.expr | None, frame: Frame
) -> Value:
    special = _TENSOR_METHODS.get(name)
    if special is not None and not ops.known(f"torch.Tensor.{name}"):
        return special(value, arguments)
    result = apply_op(f"torch.Tensor.{name}", arguments.after(value, receiver), node, frame)
    in_place = name.endswith("_") and not name.endswith("__")
    if (
        in_place
        and isinstance(result, TensorValue)
        and result != value
        and isinstance(receiver, ast.Name | ast.Attribute)
    ):
        rebind(receiver, result, frame)
    return result


def _size(value: TensorValue, arguments: Arguments) -> Value:
    if value.shape is None:
        return UNKNOWN
    given = [*arguments.positional, *arguments.keywords.values()]
    match given:
        case []:
            return value.shape
        case [Size() as index] if (at := index.constant) is not None and -len(value.shape) <= at < len(value.shape):
            return value.shape[at]
    return UNKNOWN


def _rank(value: TensorValue, arguments: Arguments) -> Value:
    return UNKNOWN if value.shape is None else Size.of(len(value.shape))


def _count(value: TensorValue, arguments: Arguments) -> Value:
    return UNKNOWN if value.shape is None else product(value.shape)


_TENSOR_METHODS: Mapping[str, Callable[[TensorValue, Arguments], Value]] = {
    "size": _size,
    "dim": _rank,
    "ndimension": _rank,
    "numel": _count,
    "nelement": _count,
    "is_floating_point": lambda value, arguments: BOOL,
    "is_complex": lambda value, arguments: BOOL,
    "is_contiguous": lambda value, arguments: BOOL,
    "requires_grad_": lambda value, arguments: value,
    "backward": lambda value, arguments: None,
    "retain_grad": lambda value, arguments: None,
    "record_stream": lambda value, arguments: None,
    "register_hook": lambda value, arguments: UNKNOWN,
    "data_ptr": lambda value, arguments: Size.unknown(),
    "element_size": lambda value, arguments: Size.unknown(),
    "storage": lambda value, arguments: UNKNOWN,
    "untyped_storage": lambda value, arguments: UNKNOWN,
    "stride": lambda value, arguments: UNKNOWN,
    "tolist": lambda value, arguments: UNKNOWN,
    "numpy": lambda value, arguments: UNKNOWN,
    "item": lambda value, arguments: _item(value),
    "get_device": lambda value, arguments: Size.unknown(),
    "share_memory_": lambda value, arguments: value,
}


def _item(value: TensorValue) -> Value:
    dtypes = value.dtypes or frozenset()
    if dtypes and all(dtype.startswith(("float", "bfloat")) for dtype in dtypes):
        return FLOAT
    if dtypes and all(dtype.startswith(("int", "uint")) for dtype in dtypes):
        return Size.unknown("item")
    return UNKNOWN


def _list_method(value: list[Value] | Repeated, name: str, arguments: Arguments) -> tuple[Value, Value]:
    """The result of a list's method, and the list afterwards."""
    match name, arguments.positional:
        case ("append" | "appendleft", (item,)):
            return None, _appended(value, [item])
        case ("extend", (list() | tuple() as items,)):
            return None, _appended(value, list(items))
        case ("extend", (Repeated(element, length),)):
            return None, repeated(_any_of(value, element), _length(value) + length)
        case ("extend", _):
            return None, Repeated(UNKNOWN, Size.unknown())
        case ("insert", (Size() as at, item)) if isinstance(value, list) and (index := at.constant) is not None:
            changed = [*value]
            changed.insert(index, item)
            return None, changed
        case ("pop", ()) if isinstance(value, list) and value:
            return value[-1], value[:-1]
        case ("pop", (Size() as at,)) if isinstance(value, list) and at.constant == 0 and value:
            return value[0], value[1:]
        case ("pop", _):
            return _any_of(value), repeated(_any_of(value), Size.unknown())
        case ("copy", _):
            return value, value
        case ("index" | "count", _):
            return Size.unknown(), value
        case ("clear", _):
            return None, []
        case ("reverse", _) if isinstance(value, list):
            return None, value[::-1]
    return UNKNOWN, repeated(_any_of(value), Size.unknown())


def _length(value: list[Value] | Repeated) -> Size:
    return value.length if isinstance(value, Repeated) else Size.of(len(value))


def _any_of(value: list[Value] | Repeated, *more: Value) -> Value:
    inside = [value.element] if isinstance(value, Repeated) else value
    return join_values([*inside, *more]) if inside or more else UNKNOWN


def _appended(value: list[Value] | Repeated, items: list[Value]) -> Value:
    if isinstance(value, list):
        return [*value, *items]
    return repeated(_any_of(value, *items), value.length + len(items))


def _tuple_method(value: tuple[Value, ...], name: str) -> Value:
    if name == "numel" and all(isinstance(size, Size) for size in value):
        return product(value)  # type: ignore[arg-type]
    return Size.unknown() if name in {"index", "count"} else UNKNOWN


def _dict_method(value: Dict, name: str, arguments: Arguments) -> tuple[Value, Value]:
    """The result of a dict's method, and the dict afterwards."""
    key = key_of(arguments.positional[0]) if arguments.positional else None
    match name, arguments.positional:
        case ("items", ()):
            return _entries(value, lambda key, item: (_as_value(key), item)), value
        case ("keys", ()):
            return _entries(value, lambda key, item: _as_value(key)), value
        case ("values", ()):
            return _entries(value, lambda key, item: item), value
        case ("get", (_, *default)):
            return _looked_up(value, key, default[0] if default else None), value
        case ("pop", (_, *default)):
            rest = {known: item for known, item in value.entries.items() if known != key}
            return _looked_up(value, key, default[0] if default else UNKNOWN), Dict(rest, value.rest)
        case ("copy", ()):
            return value, value
        case ("update", (Dict(entries, rest),)):
            return None, Dict({**value.entries, **entries}, value.rest if rest is None else rest)
        case ("update", ()):
            return None, Dict({**value.entries, **arguments.keywords}, value.rest)
    return UNKNOWN, Dict({}, UNKNOWN)


def _as_value(key: object) -> Value:
    return Size.of(key) if type(key) is int else key  # type: ignore[return-value]


def _entries(value: Dict, part: Callable[[object, Value], Value]) -> Value:
    known = [part(key, item) for key, item in value.entries.items()]
    if value.rest is None:
        return known
    return repeated(join_values([*known, part(STRING, value.rest)]), Size.unknown())


def _looked_up(value: Dict, key: object, default: Value) -> Value:
    if key is not None and key in value.entries:
        return value.entries[key]
    if key is not None and value.rest is None:
        return default
    return join_values([*value.entries.values(), *([] if value.rest is None else [value.rest]), default])


def _string_method(value: Value, name: str, arguments: Arguments) -> Value:
    if name in {"startswith", "endswith", "isdigit", "isidentifier"}:
        known = [argument for argument in arguments.positional if isinstance(argument, str)]
        if isinstance(value, str) and len(known) == 1 and name in {"startswith", "endswith"}:
            return bool(getattr(value, name)(known[0]))
        return BOOL
    if name in {"split", "rsplit", "splitlines", "partition"}:
        return Repeated(STRING, Size.unknown())
    if name in {"find", "index", "count"}:
        return Size.unknown()
    if isinstance(value, str) and name in {"lower", "upper", "strip"} and not arguments.positional:
        return str(getattr(value, name)())
    return STRING


_RETURN_SELF = frozenset("to cuda cpu float half double bfloat16 type eval train requires_grad_ apply compile".split())


def _module_method(value: Value, name: str, arguments: Arguments) -> tuple[Value, Value]:
    """The result of a method that every `nn.Module` has, and the module afterwards."""
    if name in _RETURN_SELF:
        return value, value
    match value, name, arguments.positional:
        case (
            Object(info, known),
            "register_buffer" | "register_parameter" | "add_module" | "register_module",
            (str(key), given, *_),
        ):
            return None, Object(info, {**known, key: given})
        case (Object(info, known), "register_buffer", (str(key),)) if "tensor" in arguments.keywords:
            return None, Object(info, {**known, key: arguments.keywords["tensor"]})
        case (Layers(kind, list() | Repeated() as content), "append" | "extend" | "insert", _):
            _, after = _list_method(content, name, arguments)
            return Layers(kind, after), Layers(kind, after)
        case (Layers(_, Dict() as content), "items" | "keys" | "values", ()):
            result, _ = _dict_method(content, name, arguments)
            return result, value
    return UNKNOWN, value
