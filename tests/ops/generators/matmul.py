"""Calls of products of matrices and vectors."""

from __future__ import annotations

from itertools import pairwise

from tests.ops.differential import Call, Draw, T, call, cases

DTYPES = "float32 float32 float32 float64 int64"


def positive(g: Draw, *shape: int) -> tuple[int, ...]:
    """`shape`, sometimes corrupted: with no elements torch looks at little."""
    return tuple(max(1, size) for size in g.corrupt(shape, 0.1))


@cases("matmul operator.matmul linalg.matmul")
def matmul(g: Draw) -> Call:
    n, k, m = g.size(), g.size(), g.size()
    batch = g.shape(0, 2)
    left, right = g.choice([((k,), (k,)), ((*batch, n, k), (k,)), ((k,), (*batch, k, m)), (None, None)])
    if left is None:
        left, right = (*batch, n, k), (*g.broadcastable(batch), k, m)
    dtype = "float32" if 0 in left + right else g.dtype(DTYPES)
    return call(T(g.corrupt(left)), T(g.corrupt(right, 0.1), dtype))


@cases("mm")
def mm(g: Draw) -> Call:
    k = g.size()
    return call(T(g.corrupt((g.size(), k))), T(g.corrupt((k, g.size()))))


@cases("bmm")
def bmm(g: Draw) -> Call:
    b, k = g.size(), g.size()
    return call(T(g.corrupt((b, g.size(), k))), T(g.corrupt((b, k, g.size()))))


@cases("mv")
def mv(g: Draw) -> Call:
    k = g.size()
    return call(T(g.corrupt((g.size(), k))), T(g.corrupt((k,))))


@cases("dot vdot")
def dot(g: Draw) -> Call:
    k = g.size()
    return call(T(g.corrupt((k,))), T(g.corrupt((k,)), g.dtype(DTYPES)))


@cases("inner")
def inner(g: Draw) -> Call:
    k = g.size()
    return call(T(g.corrupt((*g.shape(0, 2), k))), T(g.corrupt((*g.shape(0, 2), k))))


@cases("outer ger")
def outer(g: Draw) -> Call:
    return call(T(g.corrupt((g.size(),)), g.dtype(DTYPES)), T(g.corrupt((g.size(),)), g.dtype(DTYPES)))


@cases("addmm")
def addmm(g: Draw) -> Call:
    n, k, m = g.size(), g.size(), g.size()
    return call(T(g.broadcastable((n, m))), T(g.corrupt((n, k))), T(g.corrupt((k, m), 0.1)))


@cases("baddbmm")
def baddbmm(g: Draw) -> Call:
    b, n, k, m = (g.size() for _ in range(4))
    return call(T(g.broadcastable((b, n, m))), T(g.corrupt((b, n, k))), T(g.corrupt((b, k, m), 0.1)))


@cases("addbmm")
def addbmm(g: Draw) -> Call:
    b, n, k, m = (g.size() for _ in range(4))
    return call(T(g.broadcastable((n, m))), T(g.corrupt((b, n, k))), T(g.corrupt((b, k, m), 0.1)))


@cases("addmv")
def addmv(g: Draw) -> Call:
    n, k = g.positive(), g.positive()
    return call(T(g.broadcastable((n,))), T(positive(g, n, k)), T(positive(g, k)))


@cases("addr")
def addr(g: Draw) -> Call:
    n, m = g.size(), g.size()
    return call(T(g.broadcastable((n, m))), T(g.corrupt((n,))), T(g.corrupt((m,), 0.1)))


@cases("kron")
def kron(g: Draw) -> Call:
    return call(g.tensor(DTYPES, 0, 3), g.tensor(DTYPES, 0, 3))


@cases("linalg.multi_dot")
def multi_dot(g: Draw) -> Call:
    sizes = [g.size() for _ in range(g.randint(3, 5))]
    return call([T(g.corrupt(pair, 0.1)) for pair in pairwise(sizes)])


@cases("torch.tensordot")
def tensordot(g: Draw) -> Call:
    x, y = g.shape(0, 3), g.shape(0, 3)
    if g.chance(0.5):
        shared = g.shape(0, 2)
        return call(T((*x, *shared)), T(g.corrupt((*shared, *y))), g.choice([len(shared), len(shared), 1]))
    count = g.randint(0, min(len(x), len(y)))
    left, right = g.sample(range(len(x)), count), g.sample(range(len(y)), count)
    sizes = list(y)
    for a, b in zip(left, right, strict=True):
        sizes[b] = x[a]
    return call(T(x), T(g.corrupt(sizes)), dims=(left, [dim - len(y) * g.randint(0, 1) for dim in right]))


@cases("torch.bilinear F.bilinear")
def bilinear(g: Draw) -> Call:
    batch, a, b, out = g.shape(0, 2), g.positive(), g.positive(), g.positive()
    bias = [T((g.choice([out, out, out, g.size()]),))] if g.chance(0.5) else []
    return call(T(g.corrupt((*batch, a), 0.1)), T(g.corrupt((*batch, b), 0.1)), T(positive(g, out, a, b)), *bias)


@cases("F.linear")
def linear(g: Draw) -> Call:
    out, k = g.size(), g.size()
    bias = [T((g.choice([out, out, out, g.size()]),))] if g.chance(0.5) else []
    weight = (out, k) if bias else g.corrupt((out, k), 0.1)
    return call(T(g.corrupt((*g.shape(0, 3), k))), T(weight), *bias)


@cases("torch.cdist")
def cdist(g: Draw) -> Call:
    batch, k = g.shape(0, 2), g.size()
    return call(T(g.corrupt((*batch, g.size(), k))), T(g.corrupt((*g.broadcastable(batch), g.size(), k))))
