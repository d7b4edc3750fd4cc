"""How much of what real code calls the table knows: `histogram.csv` counts call sites in 28 annotated packages."""

from __future__ import annotations

import csv
from pathlib import Path

from shapecheck.core import ops

OF_THE_ENGINE = frozenset(
    """torch.Tensor.device torch.Tensor.numpy torch.Tensor.tolist torch.Tensor.stride torch.Tensor.values
    torch.Tensor.indices torch.nn.Sequential""".split()
)
"""What isn't an op: attributes without a shape, Python data, a container of modules."""


def sites() -> dict[str, int]:
    with (Path(__file__).parent / "histogram.csv").open() as file:
        return {row["name"]: int(row["sites"]) for row in csv.DictReader(file)}


def test_the_table_knows_98_of_100_ops_that_real_code_calls() -> None:
    counted = {name: count for name, count in sites().items() if name not in OF_THE_ENGINE}
    known = sum(count for name, count in counted.items() if ops.known(name) or ops.known_module(name))
    assert known / sum(counted.values()) >= 0.98


def test_no_frequent_op_is_missing() -> None:
    missing = {
        name: count
        for name, count in sites().items()
        if count >= 10 and name not in OF_THE_ENGINE and not (ops.known(name) or ops.known_module(name))
    }
    assert missing == {}
