"""The engine's diagnostics as lint rules: what a rule's source pattern sees as well is one report."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from shapecheck.cli import main

SOURCE = """import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def rates(x: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
    return x / x.sum(dim=1)


def square_rates(x: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    return x / x.sum(dim=1)


def unannotated(x, y):
    return x - x.mean(dim=1)


def error(prediction: Float[Tensor, "b 1"], target: Float[Tensor, "b"]) -> Float[Tensor, ""]:
    return F.mse_loss(prediction, target.view(-1))


def turned(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b h w c"]:
    b, c, h, w = x.shape
    return x.view(b, h, w, c)


def scores(q: Float[Tensor, "t d"], k: Float[Tensor, "s d"]) -> Float[Tensor, "t s"]:
    return q @ k
"""


def test_each_place_gets_one_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.py"
    path.write_text(SOURCE, encoding="utf-8")
    assert main(["lint", "--no-cache", "--select", "shape", "--output-format", "json", str(path)]) == 1
    found = json.loads(capsys.readouterr().out)
    reports = found if isinstance(found, list) else found["diagnostics"]
    assert Counter((one["line"], one["rule"]) for one in reports) == Counter(
        {
            (8, "dropped-keepdim"): 1,
            (12, "dropped-keepdim"): 1,
            (16, "dropped-keepdim"): 1,
            (20, "implicit-broadcast"): 1,
            (25, "view-as-permute"): 1,
            (29, "shape-mismatch"): 1,
        }
    )
