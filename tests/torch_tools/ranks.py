"""Run by the tests as one of two processes: ``ranks.py SCENARIO RANK STORE``; prints what it saw, one line each."""

import os
import sys
from collections.abc import Callable
from datetime import timedelta

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from shapecheck import ShapeError, contract

WORLD = 2


class Regression(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 1)

    @contract
    def forward(self, x: Float[Tensor, "b 4"], y: Float[Tensor, "b"]) -> Float[Tensor, ""]:
        return (self.linear(x).squeeze(1) - y).square().mean()


@contract
def matmul(x: Float[Tensor, "b i"], w: Float[Tensor, "i o"]) -> Float[Tensor, "b o"]:
    return x @ w


def ddp(rank: int) -> None:
    """Two healthy steps."""
    model = DistributedDataParallel(Regression())
    for _ in range(2):
        model(torch.ones(3 + rank, 4), torch.ones(3 + rank)).backward()
    assert model.module.linear.weight.grad is not None
    print("trained")


def ddp_violation(rank: int) -> None:
    """A healthy step, then rank 1 gets targets of another length."""
    model = DistributedDataParallel(Regression())
    for step in range(2):
        wrong = rank == 1 and step == 1
        model(torch.ones(3, 4), torch.ones(5 if wrong else 3)).backward()
    print("trained")


def dtensor(rank: int) -> None:
    """The contract sees global shapes, whatever lies on this rank."""
    mesh = init_device_mesh("cpu", (WORLD,))
    x = distribute_tensor(torch.ones(4, 6), mesh, [Shard(0)])
    w = distribute_tensor(torch.ones(6, 2), mesh, [Replicate()])
    y = matmul(x, w)
    print("global", tuple(y.shape), "local", tuple(y.to_local().shape))
    try:
        matmul(x, distribute_tensor(torch.ones(8, 2), mesh, [Shard(0)]))
    except ShapeError as error:
        print(f"{error}\nrank={error.rank}")  # type: ignore[attr-defined]


SCENARIOS: dict[str, Callable[[int], None]] = {f.__name__: f for f in (ddp, ddp_violation, dtensor)}


def main(scenario: str, rank: int, store: str) -> None:
    torch.set_num_threads(1)
    shared, patience = dist.FileStore(store, WORLD), timedelta(seconds=60)
    dist.init_process_group("gloo", store=shared, rank=rank, world_size=WORLD, timeout=patience)
    SCENARIOS[scenario](rank)
    shared.set(f"rank {rank} is done", "")
    shared.wait([f"rank {other} is done" for other in range(WORLD)], patience)
    sys.stdout.flush()
    os._exit(0)  # one run in some hundreds, gloo's threads aborted the process while it was being taken down


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
