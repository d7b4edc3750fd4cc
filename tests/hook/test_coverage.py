"""coverage.py sees the same lines and branches with the hook as without it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.hook.conftest import Project

pytest.importorskip("coverage")

PACKAGE = '''
"""A module with everything that the hook rewrites."""

import asyncio
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

Image = Float[Tensor, "c h w"]


def reached(x: Float[Tensor, "b c"], flag: bool = True) -> Float[Tensor, "b"]:
    """Docstring."""
    total: Float[Tensor, "b"] = (
        x
        .sum(1)
    )
    if flag:
        mean: Float[Tensor, "b"]
        mean, rest = total / 2, 1
        return mean
    never: Float[Tensor, "b"] = total
    return never


def not_reached(x: Float[Tensor, "b"]) -> Float[Tensor, "b"]:
    y: Float[Tensor, "b"] = x
    return y


class Net(nn.Module):
    def forward(self, x: Image) -> Image:
        self.last: Image = x
        for _ in range(2):
            if x is None:
                break
        return x

    @property
    def size(self) -> Float[Tensor, ""]:
        return self.last.sum()


@dataclass
class Batch:
    x: Float[Tensor, "b"]

    def double(self) -> Float[Tensor, "b"]:
        return self.x * 2


def steps(x: Float[Tensor, "b"]):
    for item in x:
        yield item


async def waits(x: Float[Tensor, "b"]) -> Float[Tensor, "b"]:
    await asyncio.sleep(0)
    return x


def main():
    x = torch.ones(2, 3)
    reached(x)
    net = Net()
    net(torch.ones(1, 2, 2))
    net.size
    list(steps(Batch(x[0]).double()))
    asyncio.run(waits(x[0]))
    try:
        reached(x[0])
    except (TypeError, IndexError):
        return
'''

RUN = """
import sys
if sys.argv[1] == "hook":
    from shapecheck import install
    install("covered", locals=True)
import covered
assert hasattr(covered.reached, "__wrapped__") == (sys.argv[1] == "hook")
covered.main()
"""


def covered_lines(project: Project, how: str) -> dict[str, Any]:
    options = ["--branch", "--include=*covered.py", f"--data-file={how}.data"]
    ran = project.python("-m", "coverage", "run", *options, "run.py", how)
    assert ran.returncode == 0, ran.stderr
    told = project.python("-m", "coverage", "json", "-q", f"--data-file={how}.data", "-o", f"{how}.json")
    assert told.returncode == 0, told.stderr + told.stdout
    (file,) = json.loads((project.folder / f"{how}.json").read_text())["files"].values()
    kinds = ("executed_lines", "missing_lines", "executed_branches", "missing_branches")
    return {kind: file[kind] for kind in kinds}


def test_lines_and_branches_are_those_of_the_file(project: Project) -> None:
    project.write(covered=PACKAGE, run=RUN)
    bare = covered_lines(project, "bare")
    assert bare["missing_lines"] and bare["missing_branches"] and len(bare["executed_lines"]) > 30
    assert covered_lines(project, "hook") == bare
