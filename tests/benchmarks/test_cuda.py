"""`python -m benchmarks.cuda` on the CPU: the code that measures GPUs runs, and contracts change nothing of a step."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import cuda
from benchmarks.cuda import AS_USUAL, BARE, OPTIMIZED, OURS, PEER, Runs, Size, Table
from benchmarks.measure import Options, Ratio
from benchmarks.programs.networks import CLASSES, GPT, GPTSize, ResNet, ResNetSize, annotated, under
from shapecheck import ShapeError, contract

TINY = {
    "gpt": Size({"layers": 1, "width": 16, "heads": 2, "context": 8, "vocabulary": 31}, (2, 3)),
    "resnet": Size({"width": 4, "blocks": (1, 1), "image": 32, "classes": 5}, (2,)),
}


@pytest.fixture(scope="module")
def measured() -> Callable[[str, str], Runs]:
    done: dict[tuple[str, str], Runs] = {}

    def run(network: str, execution: str) -> Runs:
        if (network, execution) not in done:
            done[network, execution] = cuda.measured(network, execution, "cpu", TINY[network], rounds=3, seconds=0.01)
        return done[network, execution]

    return run


EVERY = pytest.mark.parametrize(("network", "execution"), [("gpt", "eager"), ("gpt", "compiled"), ("resnet", "eager")])


@EVERY
def test_every_mode_of_ours_runs_the_same_operators_and_gets_the_same_losses(
    measured: Callable[[str, str], Runs], network: str, execution: str
) -> None:
    runs = measured(network, execution)
    assert runs.batches == list(TINY[network].batches)
    for batch in runs.batches:
        bare = runs.outcomes[BARE, batch]
        assert sum(bare["kernels"].values()) > 100
        assert len(set(bare["losses"])) == 5, "it learns"
        for mode in ("bare again", *OURS):
            outcome = runs.outcomes[mode, batch]
            assert outcome["failed"] == ""
            assert outcome["kernels"] == bare["kernels"]
            assert outcome["losses"] == bare["losses"]
            assert outcome["graphs"] == (1 if execution == "compiled" else 0)


@EVERY
def test_contracts_are_there_as_usual_and_gone_under_optimization(
    measured: Callable[[str, str], Runs], network: str, execution: str
) -> None:
    assert measured(network, execution).removed


def test_every_mode_is_timed_in_every_round(measured: Callable[[str, str], Runs]) -> None:
    runs = measured("gpt", "eager")
    for mode in (*AS_USUAL, OPTIMIZED):
        for batch in runs.batches:
            assert len(runs.outcomes[mode, batch]["times"]) == 3
            assert isinstance(runs.ratio(mode, batch), Ratio)


def test_table_and_figures_say_the_same(measured: Callable[[str, str], Runs]) -> None:
    runs = measured("gpt", "eager")
    table = cuda.times(runs)
    assert [row[0] for row in table.rows] == table.data["batch"] == [2, 3]
    for column, mode in enumerate(("bare again", *OURS, PEER), start=2):
        assert table.columns[column] == f"{mode}, × bare"
        for row, figures in zip(table.rows, table.data["ratio"][mode], strict=True):
            assert (row[column].median, row[column].low, row[column].high) == figures
    assert json.loads(json.dumps(table.data))["figure"] == "training_step"


def test_difference_is_shown_as_one(measured: Callable[[str, str], Runs]) -> None:
    runs = measured("gpt", "eager")
    same = cuda.unchanged([runs])
    assert [row[3:5] for row in same.rows] == [("yes", "yes")] * 2
    assert "the bare one: yes" in same.notes[0]
    altered: dict[tuple[str, int], Any] = {key: dict(outcome) for key, outcome in runs.outcomes.items()}
    altered["contract", 2]["kernels"] = {"aten::item": 1}
    altered["contract, guarded", 3]["losses"] = ["0x1p+0"]
    other = cuda.unchanged([replace(runs, outcomes=altered, removed=False)])
    assert [row[3:5] for row in other.rows] == [("NO", "yes"), ("yes", "NO")]
    assert "the bare one: NO" in other.notes[0]


def test_mode_that_fails_is_named_and_the_others_are_shown(measured: Callable[[str, str], Runs]) -> None:
    runs = measured("gpt", "eager")
    broken = {key: dict(outcome) for key, outcome in runs.outcomes.items()}
    broken[PEER, 2].update(failed="OutOfMemoryError: CUDA out of memory.", times=[])
    table = cuda.times(replace(runs, outcomes=broken))
    assert table.rows[0][-1] == "OutOfMemoryError"
    assert isinstance(table.rows[1][-1], Ratio)
    assert table.notes == (f"`{PEER}` at 2: OutOfMemoryError: CUDA out of memory.",)
    assert table.data["ratio"][PEER][0] is None


def test_every_method_with_shapes_is_checked_and_no_other_code_runs() -> None:
    assert {cls.__name__: sorted(annotated(cls)) for cls in CLASSES} == {
        "Bottleneck": ["forward"],
        "ResNet": ["forward", "loss", "pool"],
        "Attention": ["attend", "forward", "merge", "split"],
        "Block": ["forward", "perceptron"],
        "GPT": ["embed", "forward", "loss"],
    }
    for model in (GPT(GPTSize(**TINY["gpt"].arguments)), ResNet(ResNetSize(**TINY["resnet"].arguments))):
        loss, (inputs, targets) = type(model).loss, model.data(2)
        checked = under(model, contract)
        assert type(checked).loss is not loss
        assert type(checked).loss.__wrapped__ is loss  # type: ignore[attr-defined]
        with pytest.raises(ShapeError):
            checked.loss(inputs[0], targets)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert cuda.main([]) == 0
    assert "skipped: needs a GPU" in capsys.readouterr().out
    assert "--device cpu" in str(cuda.unavailable())


def test_words_choose_what_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen: list[tuple[str, str, str, int]] = []

    def measured(network: str, execution: str, device: str, size: Size, rounds: int) -> str:
        chosen.append((network, execution, device, rounds))
        return network

    monkeypatch.setattr(cuda, "measured", measured)
    monkeypatch.setattr(cuda, "times", lambda runs: Table(runs, (), ()))
    monkeypatch.setattr(cuda, "unchanged", lambda done: Table("unchanged", (), ()))
    results = tmp_path / "results.json"
    assert cuda.main(["gpt", "--json", str(results), "eager", "--device", "cpu", "--quick"]) == 0
    assert chosen == [("gpt", "eager", "cpu", 5)]
    assert list(json.loads(results.read_text())["benchmarks"]) == ["cuda"]
    chosen.clear()
    list(cuda.run(Options(arguments=("cpu",))))
    assert chosen == [(network, how, "cpu", 31) for network in ("gpt", "resnet") for how in ("eager", "compiled")]
