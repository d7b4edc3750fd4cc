"""Calls that pick and place elements by index."""

from __future__ import annotations

from tests.ops.differential import Call, Draw, T, call, cases

INDEX = "int64 int64 int64 int64 int64 int64 int64 int32 float32"


def size_of(shape: tuple[int, ...], dim: int) -> int:
    return shape[dim] if -len(shape) <= dim < len(shape) else 1


def smaller(g: Draw, shape: tuple[int, ...], dim: int) -> tuple[int, ...]:
    """A shape that is no larger than `shape` but in one dim, mostly."""
    sizes = [g.randint(0, size) if g.chance(0.5) else size for size in shape]
    if -len(sizes) <= dim < len(sizes):
        sizes[dim] = g.size()
    changed = g.corrupt(sizes, 0.15)
    return changed if len(changed) == len(sizes) else tuple(max(1, size) for size in changed)


def input_and_index(g: Draw) -> tuple[T, int, T]:
    x = T(tuple(g.positive() for _ in range(g.randint(0, 4))))
    dim = g.dim(len(x.shape))
    return x, dim, T(smaller(g, x.shape, dim), g.dtype(INDEX), high=size_of(x.shape, dim))


@cases("gather")
def gather(g: Draw) -> Call:
    return call(*input_and_index(g))


@cases("take_along_dim")
def take_along_dim(g: Draw) -> Call:
    x = T(tuple(g.positive() for _ in range(g.randint(1, 4))))
    dim = g.dim(len(x.shape))
    shape = [1 if g.chance(0.2) else size for size in x.shape]
    if -len(shape) <= dim < len(shape):
        shape[dim] = g.size()
    index = T(g.corrupt(shape, 0.15), g.dtype(INDEX), high=size_of(x.shape, dim))
    return call(x, index, dim) if g.chance(0.8) else call(x, index)


@cases("index_select")
def index_select(g: Draw) -> Call:
    x = T(tuple(g.positive() for _ in range(g.randint(0, 4))))
    dim = g.dim(len(x.shape))
    shape = (g.size(),) if x.shape else (1,)
    return call(x, dim, T(g.corrupt(shape, 0.1), g.dtype(INDEX), high=size_of(x.shape, dim)))


@cases("take")
def take(g: Draw) -> Call:
    x = T(tuple(g.positive() for _ in range(g.randint(0, 3))))
    return call(x, T(g.shape(0, 2), g.dtype("int64 int64 float32"), high=1))


@cases("masked_select", open_sizes=True)
def masked_select(g: Draw) -> Call:
    x = g.tensor()
    return call(x, T(g.broadcastable(x.shape), g.dtype("bool bool bool int64")))


@cases("scatter")
def scatter(g: Draw) -> Call:
    x, dim, index = input_and_index(g)
    if g.chance(0.3):
        return call(x, dim, index, g.choice([1, 0.5]))
    source = tuple(size + g.choice([0, 0, 1]) for size in index.shape)
    source = g.corrupt(source, 0 if 0 in index.shape else 0.1)
    return call(x, dim, index, T(source, g.dtype("float32 float32 float32 float64")))


@cases("scatter_add")
def scatter_add(g: Draw) -> Call:
    x, dim, index = input_and_index(g)
    source = tuple(size + g.choice([0, 0, 1]) for size in index.shape)
    return call(
        x, dim, index, T(g.corrupt(source, 0 if 0 in index.shape else 0.1), g.dtype("float32 float32 float32 float64"))
    )


@cases("scatter_reduce")
def scatter_reduce(g: Draw) -> Call:
    x, dim, index = input_and_index(g)
    source = g.corrupt(index.shape, 0 if 0 in index.shape else 0.1)
    return call(x, dim, index, T(source), reduce=g.choice(["sum", "amax", "mean"]))


@cases("index_add index_copy")
def index_add(g: Draw) -> Call:
    x = T(tuple(g.positive() for _ in range(g.randint(1, 4))))
    dim = g.dim(len(x.shape))
    source = list(x.shape)
    count = g.size()
    if -len(source) <= dim < len(source):
        source[dim] = count
    index = T(g.corrupt((count,), 0.1), g.dtype(INDEX), high=size_of(x.shape, dim))
    return call(x, dim, index, T(g.corrupt(source, 0.1), g.dtype("float32 float32 float32 int64")))


@cases("index_fill")
def index_fill(g: Draw) -> Call:
    x = T(tuple(g.positive() for _ in range(g.randint(0, 4))))
    dim = g.dim(len(x.shape))
    return call(x, dim, T(g.corrupt((g.size(),), 0.1), g.dtype(INDEX), high=size_of(x.shape, dim)), 1.0)


@cases("index_put")
def index_put(g: Draw) -> Call:
    x = T(tuple(g.positive() for _ in range(g.randint(1, 3))))
    picked = g.shape(1, 1)
    count = g.randint(1, len(x.shape))
    indices = tuple(T(picked, "int64", high=size) for size in x.shape[:count])
    return call(x, indices, T(g.broadcastable((*picked, *x.shape[count:])), g.dtype("float32 float32 float32 float64")))


@cases("masked_scatter")
def masked_scatter(g: Draw) -> Call:
    x = g.tensor()
    return call(
        x, T(g.broadcastable(x.shape), g.dtype("bool bool bool int64")), T((2000,), g.dtype("float32 float32 int64"))
    )


@cases("diagonal")
def diagonal(g: Draw) -> Call:
    x = g.tensor(least=1)
    return call(x, g.randint(-2, 2), g.dim(len(x.shape)), g.dim(len(x.shape))) if g.chance(0.7) else call(x)


@cases("linalg.diagonal")
def linalg_diagonal(g: Draw) -> Call:
    x = g.tensor(least=1)
    rank = len(x.shape)
    return call(x, offset=g.randint(-2, 2), dim1=g.dim(rank), dim2=g.dim(rank)) if g.chance(0.5) else call(x)


@cases("diag")
def diag(g: Draw) -> Call:
    return call(g.tensor(least=0 if g.chance(0.1) else 1, most=2), *([g.randint(-3, 3)] if g.chance(0.5) else []))


@cases("diag_embed")
def diag_embed(g: Draw) -> Call:
    x = g.tensor(most=3)
    rank = len(x.shape) + 1
    return call(x, g.randint(-2, 2), g.dim(rank), g.dim(rank)) if g.chance(0.5) else call(x)


@cases("tril triu")
def tril(g: Draw) -> Call:
    return call(g.tensor(), *([g.randint(-2, 2)] if g.chance(0.5) else []))


@cases("trace")
def trace(g: Draw) -> Call:
    return call(T(g.corrupt((g.size(), g.size())), g.dtype("float32 int64 int32")))


@cases("torch.tril_indices torch.triu_indices", open_sizes=True)
def tril_indices(g: Draw) -> Call:
    return call(g.size(), g.size(), *([g.randint(-2, 2)] if g.chance(0.5) else []))


@cases("torch.nonzero Tensor.nonzero", open_sizes=True)
def nonzero(g: Draw) -> Call:
    return call(g.tensor("bool float32"), **({"as_tuple": g.chance(0.5)} if g.chance(0.5) else {}))


@cases("argwhere", open_sizes=True)
def argwhere(g: Draw) -> Call:
    return call(g.tensor("bool float32"))
