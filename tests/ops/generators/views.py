"""Calls that give the same elements another shape."""

from __future__ import annotations

from tests.ops.differential import Call, Draw, T, call, cases, total


def target(g: Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape of as many elements, mostly, with a -1 now and then."""
    sizes = list(g.corrupt(g.factors(total(shape)) if g.chance(0.8) else shape))
    if sizes and g.chance(0.4):
        sizes[g.randrange(len(sizes))] = -1
    if sizes and g.chance(0.04):
        sizes[g.randrange(len(sizes))] = g.choice([-1, -2])
    return tuple(sizes)


@cases("torch.reshape")
def torch_reshape(g: Draw) -> Call:
    x = g.tensor()
    return call(x, target(g, x.shape))


@cases("Tensor.reshape Tensor.view")
def reshape(g: Draw) -> Call:
    x = g.tensor()
    sizes = target(g, x.shape)
    return call(x, *sizes) if sizes and g.chance(0.5) else call(x, sizes)


@cases("Tensor.view_as Tensor.reshape_as")
def view_as(g: Draw) -> Call:
    x = g.tensor()
    return call(x, T(g.corrupt(g.factors(total(x.shape)))))


@cases("flatten")
def flatten(g: Draw) -> Call:
    x = g.tensor()
    rank = len(x.shape)
    return call(x, *[g.dim(rank) for _ in range(g.randint(0, 2))])


@cases("ravel")
def ravel(g: Draw) -> Call:
    return call(g.tensor())


@cases("unflatten")
def unflatten(g: Draw) -> Call:
    x = g.tensor(least=1)
    dim = g.dim(len(x.shape))
    size = x.shape[dim] if -len(x.shape) <= dim < len(x.shape) else g.size()
    return call(x, dim, target(g, (size,)))


@cases("torch.permute")
def torch_permute(g: Draw) -> Call:
    x = g.tensor()
    return call(x, g.permutation(len(x.shape)))


@cases("Tensor.permute")
def permute(g: Draw) -> Call:
    x = g.tensor()
    order = g.permutation(len(x.shape))
    return call(x, *order) if order and g.chance(0.7) else call(x, order)


@cases("transpose swapaxes swapdims")
def transpose(g: Draw) -> Call:
    x = g.tensor()
    return call(x, g.dim(len(x.shape)), g.dim(len(x.shape)))


@cases("t Tensor.mT Tensor.mH Tensor.H adjoint")
def t(g: Draw) -> Call:
    return call(g.tensor(least=0, most=3))


@cases("Tensor.T")
def reversed_dims(g: Draw) -> Call:
    return call(g.tensor())


@cases("movedim moveaxis")
def movedim(g: Draw) -> Call:
    x = g.tensor(least=1)
    rank = len(x.shape)
    if g.chance(0.6):
        return call(x, g.dim(rank), g.dim(rank))
    count = g.randint(1, rank)
    source = [dim - g.choice((0, rank)) for dim in g.sample(range(rank), count)]
    return call(x, source, g.sample(range(rank), count if g.chance(0.9) else g.randint(0, rank)))


@cases("unsqueeze")
def unsqueeze(g: Draw) -> Call:
    x = g.tensor()
    return call(x, g.dim(len(x.shape) + 1, 0.1))


@cases("squeeze")
def squeeze(g: Draw) -> Call:
    x = T(tuple(1 if g.chance(0.4) else size for size in g.shape()))
    rank = len(x.shape)
    return call(x, *g.choice([[], [g.dim(rank)], [g.dims(rank)]]))


@cases("Tensor.expand broadcast_to")
def expand(g: Draw) -> Call:
    result = g.shape()
    x = T(tuple(1 if g.chance(0.3) else size for size in result[g.randint(0, len(result)) :]))
    wanted = g.corrupt(result)
    keep = 0 if 0 in wanted else 0.3  # beside a 0 torch takes -1 as a size
    sizes = [(-1 if g.chance(keep) else size) for size in wanted]
    return call(x, tuple(sizes))


@cases("Tensor.expand_as")
def expand_as(g: Draw) -> Call:
    x = g.tensor()
    return call(x, T((*g.shape(0, 2), *g.corrupt(x.shape))))


@cases("Tensor.repeat")
def repeat(g: Draw) -> Call:
    x = g.tensor()
    sizes = g.corrupt((*g.shape(0, 1), *(g.size() for _ in x.shape)))
    return call(x, *sizes) if sizes and g.chance(0.5) else call(x, sizes)


@cases("tile")
def tile(g: Draw) -> Call:
    return call(g.tensor(), g.shape(0, 4))


@cases("repeat_interleave", open_sizes=True)
def repeat_interleave(g: Draw) -> Call:
    x = g.tensor()
    rank = len(x.shape)
    dim = {"dim": g.dim(rank)} if g.chance(0.7) else {}
    if g.chance(0.6):
        return call(x, g.randint(-1, 4), **dim)
    size = total(x.shape) if not dim else x.shape[dim["dim"]] if rank and -rank <= dim["dim"] < rank else 1
    return call(x, T(g.corrupt((size,)), "int64"), **dim)
