"""Annotations as they stand in source code, read to hints without running anything.

Float[Tensor, "b c"]      jaxtyping's spelling; the word may be any name that leads to it, in quotes or not
Float["b c"]              the one-argument wrappers that projects define around it
Img = Float[Tensor, ...]  aliases, followed through imports; Float[Img, "b"] puts `b` in front
Tensor, Optional[...], Union[...], A | B, tuple[...], list[...], dict[...], classes of the project
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.core.dtypes import WORDS
from shapecheck.core.errors import AnnotationError
from shapecheck.core.ops.promotion import DTYPES
from shapecheck.core.spec import ShapeSpec, parse_shape
from shapecheck.static.declarations import ClassInfo, FunctionNode, Parameter, Signature, class_info
from shapecheck.static.hints import (
    ANY,
    ClassHint,
    ExternalHint,
    Hint,
    MappingHint,
    ScalarHint,
    SequenceHint,
    TensorHint,
    TupleHint,
    UnionHint,
)
from shapecheck.static.mutations import is_generator
from shapecheck.static.project import Defined, External, SourceFile, dotted_name

__all__ = ["read_hint", "read_signature"]

_MOST_HOPS = 8
_TENSORS = frozenset(
    {
        "torch.Tensor",
        "torch.nn.Parameter",
        "torch.nn.Buffer",
        "torch.FloatTensor",
        "torch.LongTensor",
        "torch.BoolTensor",
        "torch.IntTensor",
        "torch.cuda.FloatTensor",
    }
)
_SCALARS = {"int": "int", "float": "float", "bool": "bool", "str": "str", "complex": "complex", "None": "None"}
_LISTS = {"list": "list", "List": "list", "Sequence": "list", "MutableSequence": "list"}
_ITERABLES = frozenset({"Iterable", "Iterator", "Generator", "Collection", "set", "Set", "frozenset", "deque"})
_MAPPINGS = frozenset({"dict", "Dict", "Mapping", "MutableMapping", "OrderedDict", "defaultdict"})
_TRANSPARENT = frozenset({"Annotated", "Final", "ClassVar", "InitVar", "Required", "NotRequired", "ReadOnly"})


def read_signature(node: FunctionNode, file: SourceFile, owner: ClassInfo | None = None) -> Signature:
    """The signature of a `def`, read once."""
    known = file.signatures.get(node)
    if known is None:
        parameters = tuple(_parameters(node, file, owner))
        returns = read_hint(node.returns, file, owner) if node.returns else ANY
        known = file.signatures[node] = Signature(node, file, parameters, returns, owner, is_generator(file, node))
    return known


def _parameters(node: FunctionNode, file: SourceFile, owner: ClassInfo | None) -> Iterator[Parameter]:
    def parameter(argument: ast.arg, kind: str, default: ast.expr | None = None) -> Parameter:
        hint = read_hint(argument.annotation, file, owner) if argument.annotation else ANY
        return Parameter(argument.arg, hint, kind, default, argument.annotation)

    given = node.args
    plain = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(given.defaults))
    for argument, default in zip(plain, [*defaults, *given.defaults], strict=True):
        yield parameter(argument, "plain", default)
    if given.vararg:
        yield parameter(given.vararg, "*args")
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield parameter(argument, "keyword", default)
    if given.kwarg:
        yield parameter(given.kwarg, "**kwargs")


def read_hint(node: ast.expr, file: SourceFile, owner: ClassInfo | None = None, hops: int = _MOST_HOPS) -> Hint:
    """The hint that an annotation gives; what isn't understood is `ANY`."""
    if hops == 0:
        return ANY
    match node:
        case ast.Constant(value=None):
            return ScalarHint("None")
        case ast.Constant(value=str(text)):
            try:
                return read_hint(ast.parse(text.strip(), mode="eval").body, file, owner, hops - 1)
            except (SyntaxError, ValueError):
                return ANY
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _union([read_hint(left, file, owner, hops), read_hint(right, file, owner, hops)])
        case ast.Subscript(value=value, slice=index):
            return _subscript(value, index, file, owner, hops)
        case ast.Name() | ast.Attribute():
            return _named(node, file, owner, hops)
    return ANY


def _named(node: ast.expr, file: SourceFile, owner: ClassInfo | None, hops: int) -> Hint:
    name = dotted_name(node)
    if name is None:
        return ANY
    if name == "Self" and owner:
        return ClassHint(owner)
    match file.resolve(name):
        case Defined(file=other, node=ast.ClassDef() as definition):
            return ClassHint(class_info(other, definition))
        case Defined(file=other, node=ast.Subscript() | ast.BinOp() | ast.Name() | ast.Attribute() as alias):
            return read_hint(alias, other, None, hops - 1)
        case External(target):
            return _external(target)
        case None if name in _SCALARS:
            return ScalarHint(_SCALARS[name])
        case None if name in {"list", "tuple"}:
            return SequenceHint(name, ANY)
    return ANY


def _external(target: str) -> Hint:
    if target in _TENSORS:
        return TensorHint(None)
    if target == "numpy.ndarray":
        return TensorHint(None, array="np.ndarray")
    last = target.rpartition(".")[2]
    if last == "Self" or target == "typing.Any":
        return ANY
    if target in {"typing.List", "typing.Sequence", "collections.abc.Sequence"}:
        return SequenceHint("list", ANY)
    return ExternalHint(target)


def _subscript(value: ast.expr, index: ast.expr, file: SourceFile, owner: ClassInfo | None, hops: int) -> Hint:
    name = dotted_name(value)
    if name is None:
        return ANY
    word = _dtype_word(name, file)
    if word is not None:
        return _tensor(word, index, file, owner, hops)
    items = index.elts if isinstance(index, ast.Tuple) else [index]
    last = _last_name(name, file)
    if last == "Optional":
        return _union([read_hint(index, file, owner, hops), ScalarHint("None")])
    if last == "Union":
        return _union([read_hint(item, file, owner, hops) for item in items])
    if last in {"tuple", "Tuple"}:
        if len(items) == 2 and isinstance(items[1], ast.Constant) and items[1].value is ...:
            return SequenceHint("tuple", read_hint(items[0], file, owner, hops))
        hints = tuple(read_hint(item, file, owner, hops) for item in items)
        if len(hints) == 1 and isinstance(hints[0], ScalarHint):  # `patch_size: Tuple[int] = (1, 2, 2)` is often meant
            return SequenceHint("tuple", hints[0])
        return TupleHint(hints)
    if last in _LISTS:
        return SequenceHint(_LISTS[last], read_hint(items[0], file, owner, hops))
    if last in _ITERABLES:
        return SequenceHint("iterable", read_hint(items[0], file, owner, hops))
    if last in _MAPPINGS and len(items) == 2:
        return MappingHint(read_hint(items[1], file, owner, hops))
    if last in _TRANSPARENT and items:
        return read_hint(items[0], file, owner, hops)
    return _named(value, file, owner, hops)


def _last_name(name: str, file: SourceFile) -> str:
    match file.resolve(name):
        case External(target):
            return target.rpartition(".")[2]
        case _:
            return name.rpartition(".")[2]


def _dtype_word(name: str, file: SourceFile, hops: int = _MOST_HOPS) -> str | None:
    """The jaxtyping word that a name in front of ``[...]`` stands for."""
    match file.resolve(name):
        case External(target):
            package, _, last = target.partition(".")[0], None, target.rpartition(".")[2]
            return last if last in WORDS and package in {"jaxtyping", "shapecheck"} else None
        case Defined(file=other, node=ast.Call(args=[ast.Name() | ast.Attribute() as wrapped, *_])) if hops:
            return _dtype_word(dotted_name(wrapped) or "", other, hops - 1)  # Float = TensorTyping(jaxtyping.Float)
        case Defined(node=ast.ClassDef()) | None:
            last = name.rpartition(".")[2]
            return last if last in WORDS else None
    return None


def _tensor(word: str, index: ast.expr, file: SourceFile, owner: ClassInfo | None, hops: int) -> Hint:
    match index:
        case ast.Tuple(elts=[array, shape]):
            text, inner = _string(shape), read_hint(array, file, owner, hops)
        case _:
            text, inner = _string(index), TensorHint(None)
    if text is None:
        return ANY
    dtypes = _known_to_torch(word)
    match inner:
        case TensorHint(spec=None, array=array_type):
            return _spec_hint(text, dtypes, word, array_type)
        case TensorHint(spec=ShapeSpec() as spec):
            return _spec_hint(f"{text} {spec.text}".strip(), _both(dtypes, inner.dtypes), word, inner.array)
    return ANY


def _known_to_torch(word: str) -> frozenset[str] | None:
    """The dtypes of a word that operations are known to take and give; few take 8-bit floats that aren't asked for."""
    dtypes = WORDS[word]
    if dtypes is None or len(dtypes) == 1:
        return dtypes
    return frozenset(dtype for dtype in dtypes & DTYPES if not dtype.startswith("float8")) or None


def _spec_hint(text: str, dtypes: frozenset[str] | None, word: str, array: str = "Tensor") -> Hint:
    try:
        return TensorHint(parse_shape(text), dtypes, word, array)
    except AnnotationError:
        return TensorHint(None)


def _both(left: frozenset[str] | None, right: frozenset[str] | None) -> frozenset[str] | None:
    return right if left is None else left if right is None else left & right


def _string(node: ast.expr) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            parts = [_piece(value) for value in values]
            return None if None in parts else "".join(part for part in parts if part is not None)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            first, second = _string(left), _string(right)
            return None if first is None or second is None else first + second
    return None


def _piece(node: ast.expr) -> str | None:
    """An f-string's values are not ours to know; ``{n}`` in a plain string is jaxtyping's own."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _union(options: list[Hint]) -> Hint:
    flat: list[Hint] = []
    for option in options:
        flat.extend(option.options if isinstance(option, UnionHint) else [option])
    kept = tuple(dict.fromkeys(flat))
    return kept[0] if len(kept) == 1 else UnionHint(kept)
