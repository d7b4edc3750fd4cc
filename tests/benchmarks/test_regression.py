"""No stopwatch: what a checked call executes, enters, keeps and needs is held against benchmarks/baseline.json."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks import contract as cases
from benchmarks import regression
from benchmarks.counting import Counts, count
from benchmarks.regression import MARGINS, PYTHON, Growth, baseline, differences, regressions

needs_a_baseline = pytest.mark.skipif(PYTHON not in baseline(), reason=f"there is no baseline for Python {PYTHON}")
not_watched = pytest.mark.skipif(
    sys.gettrace() is not None, reason="a debugger or a coverage tool is counting instructions itself"
)


@needs_a_baseline
@not_watched
def test_a_checked_call_does_no_more_than_it_did() -> None:
    worse = regressions(regression.measured(), baseline()[PYTHON])
    advice = "if that is meant: python -m benchmarks.regression --write"
    assert not worse, "\n".join([*map(str, worse), advice])


@needs_a_baseline
def test_the_baseline_has_every_case() -> None:
    assert list(baseline()[PYTHON]) == list(regression.CASES)


def worse(what: str, by: float) -> dict[str, dict[str, int]]:
    """A baseline's counts, one of them grown."""
    return {case: {**counts, what: round(counts[what] * (1 + by)) + 1} for case, counts in ONE.items()}


ONE = {"a call": dict.fromkeys(MARGINS, 1000)}


@pytest.mark.parametrize("what", MARGINS)
def test_each_count_fails_above_its_margin_and_only_there(what: str) -> None:
    assert regressions(ONE, ONE) == []
    assert regressions(worse(what, MARGINS[what] - 0.002), ONE) == []
    (growth,) = regressions(worse(what, MARGINS[what]), ONE)
    assert growth == Growth("a call", what, 1000, round(1000 * (1 + MARGINS[what])) + 1)


def test_a_failure_says_the_numbers() -> None:
    assert str(Growth("a call", "instructions", 131, 140)) == "a call: instructions 131 → 140, +6.9% (margin 2%)"
    assert str(Growth("a call", "kept", 0, 4)) == "a call: kept 0 → 4 (margin 0%)"


def test_what_renewing_the_baseline_changes_is_listed() -> None:
    now = {"a call": {**ONE["a call"], "lines": 990}, "another": ONE["a call"]}
    assert differences(now, ONE) == ["another: new", "a call: lines 1000 → 990"]
    assert differences({}, ONE) == ["a call: gone"]
    assert differences(ONE, ONE) == []


@not_watched
def test_a_checker_that_got_worse_is_noticed() -> None:
    """The real thing: one more frame and a few more instructions around a real checker."""

    def attend(q: Float[Tensor, "b d"], k: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return q

    def slower(function: Callable[..., object]) -> Callable[..., object]:
        made = cases.unguarded(function)
        return lambda *arguments: made(*arguments)

    x = torch.zeros(2, 3)
    before = {"case": asdict(regression.figures(partial(cases.unguarded, attend), (x, x)))}
    now = {"case": {**before["case"], **as_counts(count(partial(slower(attend), x, x), 10))}}
    assert {growth.what for growth in regressions(now, before)} >= {"instructions", "frames"}


def as_counts(counts: Counts) -> dict[str, int]:
    return {name: getattr(counts, name) for name in Counts.__slots__}


# --- the counting itself -----------------------------------------------------------------------------------------


def nothing() -> None: ...


def calls_twice() -> None:
    nothing()
    nothing()


@not_watched
def test_counts_are_exact_and_repeat() -> None:
    once, twice = count(nothing, 10), count(calls_twice, 10)
    assert (once.frames, twice.frames) == (1, 3)
    assert once.instructions < 2 * once.instructions < twice.instructions < 40
    assert count(calls_twice) == twice
    assert count(int).instructions == count(int).frames == 0


@not_watched
def test_what_a_call_keeps_and_needs_is_seen() -> None:
    kept: list[object] = []
    assert count(lambda: kept.append(object())).kept >= 1000
    assert count(nothing, 10).kept <= 0
    assert count(lambda: bytes(100_000)).transient > 100_000
