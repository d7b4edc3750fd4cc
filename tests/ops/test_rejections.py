"""Random calls show what an op refuses, too: the table refuses some of each generator's, where torch refuses any."""

from __future__ import annotations

from collections import defaultdict
from functools import partial

import pytest

from shapecheck.core import ops
from shapecheck.core.sizes import Size
from tests.ops.differential import CASES, Draw, Generator, ask
from tests.ops.test_against_torch import MODULES, constructed_and_applied

_CALLS = 120

TAKE_ANYTHING = frozenset(
    """requires_grad_ Parameter Buffer grad cuda pin_memory to_dense to type type_as equal full zeros_like rand_like
    full_like randint_like new_full randint scalar_tensor from_numpy bernoulli zero_ fill_ normal_ geometric_ uniform_
    constant_ fftfreq tril_indices nonzero argwhere atleast_1d kron Identity FeatureAlphaDropout Threshold msort isin
    ravel T tile""".split()
)
"""Ops, the first of each generator, that fit every tensor of theirs or whose generator draws nothing else."""
NEVER_REFUSED = frozenset("normal ctc_loss CTCLoss ConstantPad1d ConstantPad2d ConstantPad3d".split()) | frozenset(
    "TransformerEncoder TransformerDecoder".split()
)
"""Those that torch does refuse, but not a call that is drawn."""


def names_by_generator() -> dict[Generator, list[str]]:
    found: dict[Generator, list[str]] = defaultdict(list)
    for name, case in CASES.items():
        found[case.generate].append(name)
    return found


def last(name: str) -> str:
    return name.rpartition(".")[2]


@pytest.mark.parametrize(
    ("generate", "names"),
    [
        pytest.param(generate, names, id=names[0])
        for generate, names in names_by_generator().items()
        if last(names[0]) not in TAKE_ANYTHING | NEVER_REFUSED
    ],
)
def test_some_calls_are_refused(generate: Generator, names: list[str]) -> None:
    assert any(refuses(name, generate) for name in names)


def refuses(name: str, generate: Generator) -> bool:
    """Whether the table refuses one of the calls that are drawn for an op."""
    table = partial(constructed_and_applied if name in MODULES else ops.apply, name)
    draw = Draw(name)
    for _ in range(_CALLS):
        try:
            ask(table, generate(draw), Size.of)
        except ops.OpError:
            return True
    return False
