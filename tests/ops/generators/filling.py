"""Calls that write in place."""

from __future__ import annotations

from tests.ops.differential import Call, Draw, T, call, cases


@cases("Tensor.zero_ Tensor.random_ Tensor.bernoulli_ Tensor.detach_")
def fill(g: Draw) -> Call:
    return call(g.tensor("float32 int64"))


@cases("Tensor.fill_")
def fill_(g: Draw) -> Call:
    return call(g.tensor("float32 int64 bool"), 1)


@cases("Tensor.normal_ Tensor.uniform_ Tensor.exponential_ Tensor.cauchy_ Tensor.log_normal_")
def fill_at_random(g: Draw) -> Call:
    return call(g.tensor("float32 float64"))


@cases("Tensor.geometric_")
def geometric_(g: Draw) -> Call:
    return call(g.tensor("float32 float64"), 0.5)


@cases("Tensor.copy_")
def copy_(g: Draw) -> Call:
    x = g.tensor()
    return call(x, T(g.broadcastable(x.shape), g.dtype("float32 int64")))


@cases("Tensor.fill_diagonal_")
def fill_diagonal_(g: Draw) -> Call:
    n = g.positive()
    x = (g.size(), g.size()) if g.chance(0.5) else (n,) * g.randint(1, 4)
    return call(T(g.corrupt(x, 0.1)), 1.0)


@cases("init.uniform_ init.normal_ init.trunc_normal_ init.ones_ init.zeros_")
def initialized(g: Draw) -> Call:
    return call(g.tensor("float32"))


@cases("init.constant_")
def constant(g: Draw) -> Call:
    return call(g.tensor("float32"), 0.5)


@cases("init.xavier_uniform_ init.xavier_normal_ init.kaiming_uniform_ init.kaiming_normal_ init.orthogonal_")
def initialized_matrix(g: Draw) -> Call:
    return call(T(tuple(g.positive() for _ in range(g.randint(0, 4)))))


@cases("init.eye_")
def eye_(g: Draw) -> Call:
    return call(g.tensor(least=1, most=3))


@cases("init.sparse_")
def sparse_(g: Draw) -> Call:
    return call(T(tuple(g.positive() for _ in range(g.randint(1, 3)))), 0.5)


@cases("init.dirac_")
def dirac_(g: Draw) -> Call:
    return call(T(tuple(g.positive() for _ in range(g.randint(2, 6)))))
