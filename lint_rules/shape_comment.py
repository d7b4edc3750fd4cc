"""A comment that states a shape, where a contract would check it.

## Why is this bad?

Nothing compares a comment with the tensor beside it. It goes stale when the code changes, and whoever reads it next
believes it. The same words in an annotation are checked at run time by `@contract`, and before by the type checker.

## Example

```python bad
import torch
from torch import Tensor

def attend(
    q: Tensor,  # (B, T, C)  # error: `q: Shaped[Tensor, "B T C"]`
    k: Tensor,
):
    return (q @ k.mT).softmax(dim=-1)
```

```python fixed
import torch
from torch import Tensor
from jaxtyping import Shaped

def attend(
    q: Shaped[Tensor, "B T C"],  # (B, T, C)
    k: Tensor,
):
    return (q @ k.mT).softmax(dim=-1)
```

```python bad
import torch

def attend(q, k):
    scores = q @ k.mT  # shape: [B, T, S]  # error: `scores: Shaped[Tensor, "B T S"]`
    weights = scores.softmax(dim=-1)  # B x T x S  # error: `weights: Shaped[Tensor, "B T S"]`
    return weights
```

Use instead:

```python good
from jaxtyping import Float
from shapecheck import contract
from torch import Tensor

@contract
def attend(q: Float[Tensor, "b t c"], k: Float[Tensor, "b s c"]) -> Float[Tensor, "b t s"]:
    scores: Float[Tensor, "b t s"] = q @ k.mT
    return scores.softmax(dim=-1)
```

## Known limits

The comment must end the line of a parameter or of an assignment to one name, and say nothing but the shape, in
parentheses or brackets or with ` x ` between dims, perhaps after the word "shape". Of several words in parentheses most
must look like dims. The dtype isn't in such a comment, so the annotation that is proposed says `Shaped`; only a
parameter that is annotated as a tensor is rewritten.

```python good
import torch

def draw(x, y):
    point = torch.stack([x, y])  # (x, y)
    size = len(point)  # (unused)
    scaled = point * 2  # (why, see above)
    a, b = x, y  # (B, C)
    return scaled, size, a, b
```
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from shapecheck.core.errors import AnnotationError
from shapecheck.core.spec import parse_shape
from shapecheck.lint import File, Fix, Violation, per_file, unsafe_fix
from shapecheck.lint.edits import add_import, replace
from shapecheck.lint.violation import Span

GROUP = "comments"
DEFAULT = False
LEVEL = "info"
TOKENS = (b"#",)

LISTED = re.compile(
    r"(?:(?:\w+\.)?(?:shape|size)\s*(?:of\s+\w+\s*)?(?:is|[:=])?\s*|\w+\s*:\s*|[-=]>\s*)?[(\[]([^()\[\]]+)[)\]]"
)
CROSSED = re.compile(r"(?:shape\s*[:=]?\s*)?(\w+(?:\s+[x×]\s+\w+)+)", re.IGNORECASE)
LIKE_DIM = re.compile(
    r"[A-Z][A-Za-z]?[a-z]?\d?|[bnchwtdklqsm]\d?|\d+|\.\.\.|-1|n_\w+|num_\w+|d_\w+|\w+_(?:size|dim|len|length)|bsz?|batch\w*"
    r"|seq\w*|time|(?:in_|out_)?channels?|heads?|height|width|hidden\w*|(?:in_|out_)?features?|vocab\w*|emb\w*|tokens?"
    r"|frames?|nheads?|classes"
)
TENSORS = frozenset({"torch.Tensor"})


def check(node: ast.Assign | ast.arg, file: File) -> Iterator[Violation]:
    comment = _comments(file).get(node.end_lineno or node.lineno)
    shape = None if comment is None else _shape(comment[1])
    if comment is None or shape is None or not _is_last(file, node):
        return
    name = _tensor(file, node)
    if name is not None:
        column, text = comment
        start = len(file.lines[node.end_lineno - 1][:column].encode())  # type: ignore[operator]
        line = node.end_lineno or node.lineno
        yield Violation(
            Span(line, start, line, start + len(text.encode())),
            f'nothing checks this comment; state it under a contract: `{name}: Shaped[Tensor, "{shape}"]`',
            _fix(file, node, shape),
        )


@per_file
def _comments(file: File) -> dict[int, tuple[int, str]]:
    """The comment that ends each line, and the column where it starts."""
    found = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(file.source).readline):
            if token.type == tokenize.COMMENT:
                found[token.start[0]] = token.start[1], token.string
    except (tokenize.TokenError, SyntaxError):
        pass
    return found


def _shape(comment: str) -> str | None:
    """The shape string of `# (B, T, C)`, `# x: [b, 3]`, `# shape: (n, d)`, `# N x C`; None where it isn't one."""
    text = comment.lstrip("#").partition("#")[0].strip().rstrip(".;,")
    listed, crossed = LISTED.fullmatch(text), CROSSED.fullmatch(text)
    if listed:
        dims = [dim.strip() for dim in listed[1].split(",") if dim.strip()]
    elif crossed:
        dims = re.split(r"\s+[x×]\s+", crossed[1])
    else:
        return None
    alike = sum(LIKE_DIM.fullmatch(dim) is not None for dim in dims)
    if len(dims) < 2 or 2 * alike <= len(dims):
        return None
    shape = " ".join("_" if dim == "-1" else re.sub(r"\s*([-+*/])\s*", r"\1", dim) for dim in dims)
    try:
        parse_shape(shape)
    except AnnotationError:
        return None
    return shape


def _is_last(file: File, node: ast.Assign | ast.arg) -> bool:
    """Whether nothing but punctuation follows on the line."""
    line = file.lines[(node.end_lineno or node.lineno) - 1].encode()
    rest = line[node.end_col_offset :].decode().partition("#")[0]
    return not rest.strip(" ,):")


def _tensor(file: File, node: ast.Assign | ast.arg) -> str | None:
    """The one name that is bound here to what may be a tensor."""
    match node:
        case ast.arg(arg=name, annotation=annotation) if name != "self":
            return name if annotation is None or not isinstance(annotation, ast.Subscript) else None
        case ast.Assign(targets=[ast.Name() | ast.Attribute() as target], value=value):
            is_computed = isinstance(
                value, ast.Call | ast.BinOp | ast.Subscript | ast.Attribute | ast.IfExp | ast.Compare
            )
            return file.text(target) if is_computed else None
    return None


def _fix(file: File, node: ast.Assign | ast.arg, shape: str) -> Fix | None:
    annotation = node.annotation if isinstance(node, ast.arg) else None
    if annotation is None or file.qualified_name(annotation) not in TENSORS:
        return None
    return unsafe_fix(
        "annotate the shape",
        replace(annotation, f'Shaped[tensor_, "{shape}"]', tensor_=annotation),
        add_import(file.tree, "from jaxtyping import Shaped"),
    )
