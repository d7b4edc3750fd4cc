"""Plots are drawn from JSON results, say where those were measured, and come out the same each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

pytest.importorskip("matplotlib", reason="plots need matplotlib")

from benchmarks import __main__, plot

MACHINE = {"processor": "a processor", "python": "3.11.7", "torch": "2.13.0"}
OVERHEAD = {
    "figure": "overhead",
    "along": "dims",
    "x": [1, 2, 4],
    "overhead": {"contract": [200.0, 220.0, 250.0], "jaxtyping+beartype": [7000.0, 7500.0, 9000.0]},
}
STEP = {
    "figure": "training_step",
    "device": "cpu",
    "network": "GPT-2",
    "execution": "eager",
    "batch": [2, 16],
    "bare": [1e6, None],
    "ratio": {"contract": [[1.01, 0.99, 1.03], None], "jaxtyping+beartype": [[1.9, 1.8, 2.0], [1.2, 1.1, 1.3]]},
}


def results(folder: Path, name: str, data: dict[str, Any], **machine: str) -> Path:
    tables = [{"title": "", "columns": [], "rows": [], "data": data}, {"title": "", "columns": [], "rows": []}]
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"machine": {**MACHINE, **machine}, "benchmarks": {name: tables}}))
    return path


def drawn(folder: Path, *paths: Path) -> dict[str, str]:
    assert __main__.main(["plot", *map(str, paths), "--folder", str(folder)]) == 0
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_each_figure_that_there_are_results_for_is_drawn(tmp_path: Path) -> None:
    paths = results(tmp_path, "scaling", OVERHEAD), results(tmp_path, "cuda", STEP)
    found = drawn(tmp_path / "both", *paths)
    assert sorted(found) == ["overhead.svg", "training_step.svg"]
    assert all(text.startswith("<?xml") and "</svg>" in text for text in found.values())
    assert list(drawn(tmp_path / "one", paths[0])) == ["overhead.svg"]


def test_the_same_results_give_the_same_file(tmp_path: Path) -> None:
    path = results(tmp_path, "scaling", OVERHEAD)
    assert drawn(tmp_path / "first", path) == drawn(tmp_path / "second", path)


def texts(figure: Any) -> str:
    from matplotlib.text import Text

    return "\n".join(text.get_text() for text in figure.findobj(Text))


def test_a_figure_says_where_it_was_measured() -> None:
    (on_cpu,) = [figure for _, figure in plot.drawn([json.loads(content("cuda", STEP))])]
    assert "GPT-2, eager (CPU, small)" in texts(on_cpu)
    assert "GPU" not in texts(on_cpu)
    on_gpu = plot.training_step([{**STEP, "device": "cuda"}], {**MACHINE, "gpu": "NVIDIA X"})
    assert "GPT-2, eager (GPU)" in texts(on_gpu)
    assert "gpu NVIDIA X" in texts(on_gpu)
    assert "CPU" not in texts(on_gpu)


@pytest.mark.parametrize(("draw", "data"), [(plot.overhead, OVERHEAD), (plot.training_step, STEP)])
def test_every_point_is_inside(draw: plot.Draw, data: dict[str, Any]) -> None:
    larger = json.loads(json.dumps(data).replace("9000.0", "900000.0").replace("2.0]", "20.0]"))
    figure = draw([data, larger, data], MACHINE)
    assert figure is not None
    for ax in figure.axes:
        bottom, top = ax.get_ylim()
        points: list[Any] = [y for line in ax.lines for y in cast(Any, line.get_ydata())]
        assert all(bottom <= y <= top for y in points)


def content(name: str, data: dict[str, Any]) -> str:
    return json.dumps({"machine": MACHINE, "benchmarks": {name: [{"data": data}]}})


def test_results_without_figures_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = results(tmp_path, "scaling", {})
    with pytest.raises(SystemExit) as ended:
        __main__.main(["plot", str(path)])
    assert ended.value.code == 2
    assert "no figures of scaling or cuda in there" in capsys.readouterr().err
