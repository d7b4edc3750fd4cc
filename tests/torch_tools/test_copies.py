"""Contracts and what carries them, through pickle, cloudpickle, deepcopy and `torch.save`."""

import copy
import io
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
import torch
from torch import nn

from shapecheck import ShapeError
from tests.torch_tools import subjects
from tests.torch_tools.subjects import sizes

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_contracted_function_pickles_by_name(protocol: int) -> None:
    assert pickle.loads(pickle.dumps(subjects.linear, protocol)) is subjects.linear


def test_deepcopy_of_a_function_is_the_function() -> None:
    assert copy.deepcopy(subjects.linear) is subjects.linear


@pytest.mark.parametrize("make", [subjects.Block, subjects.Net])
@pytest.mark.parametrize("how", ["deepcopy", "pickle", "cloudpickle", "torch.save", "state_dict"])
def test_a_contracted_module_copies_and_stays_under_contract(make: type[nn.Module], how: str) -> None:
    model = make()
    copied = duplicate(model, how, make)
    (x,) = sizes((2, 3, 8))
    torch.testing.assert_close(copied(x), model(x))
    with pytest.raises(ShapeError, match=r"forward\(\): argument `x`"):
        copied(x[..., :5] if make is subjects.Block else x[0])


def duplicate(model: nn.Module, how: str, make: type[nn.Module]) -> nn.Module:
    match how:
        case "deepcopy":
            return copy.deepcopy(model)
        case "pickle":
            return pickle.loads(pickle.dumps(model))  # type: ignore[no-any-return]
        case "cloudpickle":
            return pickle.loads(cloudpickle.dumps(model))  # type: ignore[no-any-return]
        case "torch.save":
            buffer = io.BytesIO()
            torch.save(model, buffer)
            buffer.seek(0)
            return torch.load(buffer, weights_only=False)  # type: ignore[no-any-return]
        case _:
            copied = make()
            copied.load_state_dict(model.state_dict())
            return copied


MAIN = """
import sys, torch, cloudpickle
from dataclasses import dataclass
from jaxtyping import Float
from torch import Tensor, nn
from shapecheck import check, contract, dims

@contract
def linear(x: Float[Tensor, "b i"], w: Float[Tensor, "o i"]) -> Float[Tensor, "b o"]:
    assert dims()["b"] == 2
    return check(x @ w.mT, Float[Tensor, "b o"])

class Net(nn.Module):
    @contract
    def forward(self, x: Float[Tensor, "b 3"]) -> Float[Tensor, "b"]:
        return x.sum(1)

@contract
@dataclass
class Batch:
    x: Float[Tensor, "b c"]
    y: Float[Tensor, "b"]

def make(n):
    @contract
    def inner(x: Float[Tensor, "b"]) -> Float[Tensor, "b"]:
        return x * n
    return inner

sys.stdout.buffer.write(cloudpickle.dumps([linear, Net(), Batch, make(3)]))
"""


def test_cloudpickle_of_what_a_script_defines_works_in_another_process(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(MAIN)
    pickled = subprocess.run([sys.executable, script], capture_output=True, cwd=ROOT, env=environment(), check=False)
    assert pickled.returncode == 0, pickled.stderr.decode()
    linear, model, batch, inner = pickle.loads(pickled.stdout)
    assert linear(torch.ones(2, 3), torch.ones(4, 3)).shape == (2, 4)
    with pytest.raises(ShapeError, match="made i=3"):
        linear(torch.ones(2, 3), torch.ones(4, 5))
    with pytest.raises(ShapeError, match="forward"):
        model(torch.ones(2, 4))
    with pytest.raises(ShapeError, match="Batch"):
        batch(torch.ones(2, 3), torch.ones(4))
    with pytest.raises(ShapeError, match="inner"):
        inner(torch.ones(2, 3))


def environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}


def violation() -> ShapeError:
    with pytest.raises(ShapeError) as caught:
        subjects.linear(*sizes((2, 3), (4, 5)))
    return caught.value


def through_torch_save(error: ShapeError) -> ShapeError:
    buffer = io.BytesIO()
    torch.save(error, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "duplicated",
    [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error)), through_torch_save],
    ids=["copy", "deepcopy", "pickle", "torch.save"],
)
def test_an_error_copies_with_its_facts(duplicated: Any) -> None:
    error = violation()
    other = duplicated(error)
    assert type(other) is type(error) and str(other) == str(error)
    assert vars(other) == vars(error)
