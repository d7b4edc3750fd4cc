"""Calls that join tensors or split them."""

from __future__ import annotations

from tests.ops.differential import Call, Draw, T, call, cases

DTYPES = "float32 float32 float32 int64 float64 bool"


def alike(g: Draw, dim: int | None = None, least: int = 0, most: int = 3) -> list[T]:
    """One to three tensors of one shape but for one dim, mostly."""
    shape = g.shape(least, most)
    tensors = []
    for _ in range(g.randint(1, 3)):
        own = list(shape)
        if dim is not None and len(own) > dim:
            own[dim] = g.size()
        tensors.append(T(g.corrupt(own, 0.1), g.dtype(DTYPES)))
    return tensors


@cases("torch.cat torch.concat torch.concatenate")
def cat(g: Draw) -> Call:
    shape = g.shape(0 if g.chance(0.1) else 1, 4)
    dim = g.dim(len(shape))
    tensors = []
    for _ in range(g.randint(1, 3)):
        own = list(shape)
        if -len(shape) <= dim < len(shape):
            own[dim] = g.size()
        tensors.append(T((0,) if g.chance(0.1) else g.corrupt(own, 0.1), g.dtype(DTYPES)))
    return call(tensors, dim=dim) if g.chance(0.7) else call(tensors, axis=dim)


@cases("torch.stack")
def stack(g: Draw) -> Call:
    tensors = alike(g)
    return call(tensors, g.dim(len(tensors[0].shape) + 1)) if g.chance(0.8) else call(tuple(tensors))


@cases("torch.hstack")
def hstack(g: Draw) -> Call:
    return call(alike(g, g.choice([0, 1, None])))


@cases("torch.vstack torch.row_stack")
def vstack(g: Draw) -> Call:
    return call(alike(g, g.choice([0, None])))


@cases("torch.dstack")
def dstack(g: Draw) -> Call:
    return call(alike(g, g.choice([2, None])))


@cases("torch.column_stack")
def column_stack(g: Draw) -> Call:
    return call(alike(g, g.choice([1, None])))


@cases("torch.atleast_1d torch.atleast_2d torch.atleast_3d")
def atleast(g: Draw) -> Call:
    return call(*[g.tensor() for _ in range(g.randint(1, 2))])


@cases("torch.block_diag")
def block_diag(g: Draw) -> Call:
    return call(*[g.tensor(most=3 if g.chance(0.1) else 2) for _ in range(g.randint(1, 3))])


@cases("torch.broadcast_tensors")
def broadcast_tensors(g: Draw) -> Call:
    shape = g.shape()
    return call(*[T(g.broadcastable(shape), g.dtype()) for _ in range(g.randint(1, 3))])


@cases("torch.broadcast_shapes")
def broadcast_shapes(g: Draw) -> Call:
    shape = g.shape()
    return call(*[g.broadcastable(shape) for _ in range(g.randint(1, 3))])


@cases("torch.meshgrid")
def meshgrid(g: Draw) -> Call:
    vectors = [g.tensor(most=2 if g.chance(0.1) else 1) for _ in range(g.randint(1, 3))]
    facts = {"indexing": g.choice(["ij", "xy"])} if g.chance(0.6) else {}
    return call(*vectors, **facts) if g.chance(0.5) else call(vectors, **facts)


@cases("torch.cartesian_prod")
def cartesian_prod(g: Draw) -> Call:
    return call(*[g.tensor(least=0 if g.chance(0.1) else 1, most=1) for _ in range(g.randint(1, 3))])


@cases("split")
def split(g: Draw) -> Call:
    x = g.tensor(least=0 if g.chance(0.1) else 1)
    dim = g.dim(len(x.shape))
    size = x.shape[dim] if -len(x.shape) <= dim < len(x.shape) else 3
    if g.chance(0.5):
        return call(x, g.randint(0, 4), dim)
    first = g.randint(0, size)
    return call(x, [first, size - first + g.choice([0, 0, 0, 0, 1])], dim=dim)


@cases("torch.split_with_sizes Tensor.split_with_sizes")
def split_with_sizes(g: Draw) -> Call:
    x = g.tensor(least=1)
    first = g.randint(0, x.shape[0])
    return call(x, [first, x.shape[0] - first + g.choice([0, 0, 0, 0, 1])])


@cases("chunk")
def chunk(g: Draw) -> Call:
    x = g.tensor(least=0 if g.chance(0.1) else 1)
    return call(x, g.randint(0, 4) if g.chance(0.3) else 2, g.dim(len(x.shape)))


@cases("tensor_split")
def tensor_split(g: Draw) -> Call:
    x = g.tensor(least=0 if g.chance(0.1) else 1)
    dim = g.dim(len(x.shape))
    if g.chance(0.5):
        return call(x, g.randint(0, 4), dim)
    return call(x, tuple(g.randint(-2, 6) for _ in range(g.randint(1, 2))), dim)


@cases("unbind")
def unbind(g: Draw) -> Call:
    x = g.tensor(least=0 if g.chance(0.1) else 1)
    return call(x, g.dim(len(x.shape))) if g.chance(0.8) else call(x)


@cases("select")
def select(g: Draw) -> Call:
    x = g.tensor(least=1)
    return call(x, g.dim(len(x.shape)), g.randint(-3, 3))


@cases("narrow")
def narrow(g: Draw) -> Call:
    x = g.tensor(least=1)
    return call(x, g.dim(len(x.shape)), g.randint(-2, 3), g.randint(0, 3))


@cases("torch.nn.utils.rnn.pad_sequence")
def pad_sequence(g: Draw) -> Call:
    rest = g.shape(0, 2)
    sequences = [T(g.corrupt((g.positive(), *rest), 0.1)) for _ in range(g.randint(1, 3))]
    return call(sequences, batch_first=g.chance(0.5))
