"""Draw the two figures that people look at, from what `python -m benchmarks --json FILE` has measured.

    python -m benchmarks plot FILE…        → benchmarks/plots/overhead.svg, training_step.svg

`overhead` needs the results of `scaling`, `training_step` those of `cuda`, on whatever device they were measured: the
figure says which. The same results give the same file, byte for byte, with the same matplotlib.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import readme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOTS = Path(__file__).with_name("plots")
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "shapecheck",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
}
# Okabe and Ito's colors, which color-blind people tell apart; ours are the strong ones.
COLORS = {
    "contract": "#0072B2",
    "contract, guarded": "#56B4E9",
    "asserts": "#000000",
    "beartype, no shapes": "#E69F00",
    "jaxtyping+beartype": "#D55E00",
    "jaxtyping+typeguard": "#CC79A7",
    "contract, -O": "#009E73",
    "bare again": "#999999",
}
MARKERS = dict(zip(COLORS, "osx^DvP.", strict=True))

Content = Mapping[str, Any]


def main(argv: Sequence[str]) -> int:
    """``python -m benchmarks plot FILE…``"""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks plot", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=readme.results, metavar="FILE", help="what --json has written")
    parser.add_argument("--folder", type=Path, default=PLOTS, help="where to write (default: benchmarks/plots)")
    given = parser.parse_args(argv)
    try:
        import matplotlib
    except ModuleNotFoundError:
        parser.error("plots need matplotlib: pip install matplotlib")
    figures = dict(drawn(given.files))
    if not figures:
        parser.error(f"no figures of {' or '.join(FIGURES)} in there: measure with `python -m benchmarks --json FILE`")
    given.folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        path = given.folder / f"{name}.svg"
        with matplotlib.rc_context(STYLE):
            figure.savefig(path, metadata={"Date": None})
        print(path)
    return 0


def drawn(contents: Sequence[Content]) -> Iterator[tuple[str, Figure]]:
    """Each figure that there are results for, by its name."""
    import matplotlib

    for benchmark, (name, draw) in FIGURES.items():
        for content in contents:
            tables = content["benchmarks"].get(benchmark, ())
            with matplotlib.rc_context(STYLE):
                if figure := draw([table["data"] for table in tables if table.get("data")], content["machine"]):
                    yield name, figure


def overhead(data: Sequence[Mapping[str, Any]], machine: Mapping[str, str]) -> Figure | None:
    """What a call costs beyond the bare one, against dims and against arguments."""
    panels = [each for each in data if each.get("figure") == "overhead"]
    if not panels:
        return None
    figure, axes = _figure(len(panels), machine)
    for panel, ax in zip(panels, axes, strict=True):
        for variant, times in panel["overhead"].items():
            ax.plot(panel["x"], times, label=variant, marker=MARKERS.get(variant, "."), color=COLORS.get(variant))
        ax.set(xlabel=panel["along"], yscale="log", xticks=panel["x"])
        _times(ax)
    least = min(min(times) for panel in panels for times in panel["overhead"].values())
    if least > 0:  # from the power of ten below, now that every point is in
        axes[0].set_ylim(bottom=10 ** math.floor(math.log10(least)))
    axes[0].set_ylabel("overhead per call, over the bare function")
    _legend(figure, axes[0])
    return figure


def _figure(panels: int, machine: Mapping[str, str]) -> tuple[Figure, Sequence[Axes]]:
    """Panels side by side with one scale, two or three in a row, the machine below them."""
    from matplotlib.figure import Figure

    columns = 3 if panels % 3 == 0 else min(panels, 2)
    rows = -(-panels // columns)
    figure = Figure(figsize=(4.2 * columns, 3.6 * rows + 0.6), layout="constrained")
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False).flatten()[:panels]
    known = ("processor", "gpu", "python", "torch", "jaxtyping", "beartype", "typeguard", "commit")
    figure.supxlabel(" · ".join(f"{name} {machine[name]}" for name in known if name in machine), fontsize=7)
    return figure, list(axes)


def _times(ax: Axes) -> None:
    """Label an axis of nanoseconds as ``100 ns``, ``1 µs``, ``10 µs``."""
    from benchmarks.measure import nanoseconds

    ax.yaxis.set_major_formatter(lambda value, _: nanoseconds(value))


def _legend(figure: Figure, ax: Axes) -> None:
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)


def training_step(data: Sequence[Mapping[str, Any]], machine: Mapping[str, str]) -> Figure | None:
    """What a training step takes in each mode, as a multiple of the bare one, by batch size."""
    panels = [each for each in data if each.get("figure") == "training_step"]
    if not panels:
        return None
    figure, axes = _figure(len(panels), machine)
    for panel, ax in zip(panels, axes, strict=True):
        places = range(len(panel["batch"]))
        for index, (mode, ratios) in enumerate(panel["ratio"].items()):
            _with_intervals(ax, [place + (index - len(panel["ratio"]) / 2) * 0.1 for place in places], ratios, mode)
        steps = [f"{batch}\n({_step(bare)})" for batch, bare in zip(panel["batch"], panel["bare"], strict=True)]
        ax.set_xticks(list(places), steps)
        where = "GPU" if panel["device"] == "cuda" else "CPU, small"
        ax.set(title=f"{panel['network']}, {panel['execution']} ({where})", xlabel="batch (bare step)")
        ax.set_ylabel("training step, × bare")
        ax.axhline(1, color="black", linewidth=0.8)
    _legend(figure, axes[0])
    return figure


def _with_intervals(ax: Axes, places: Sequence[float], ratios: Sequence[Sequence[float] | None], mode: str) -> None:
    """Medians and their 95 % intervals, where there are any."""
    known = [(place, *each) for place, each in zip(places, ratios, strict=True) if each]
    if known:
        at, middle, low, high = zip(*known, strict=True)
        below = [m - each for m, each in zip(middle, low, strict=True)]
        above = [each - m for m, each in zip(middle, high, strict=True)]
        look: dict[str, Any] = {"marker": MARKERS.get(mode, "."), "color": COLORS.get(mode), "markersize": 5}
        ax.errorbar(at, middle, (below, above), label=mode, linestyle="none", capsize=2, **look)


def _step(nanoseconds: float | None) -> str:
    from benchmarks import measure

    return "not measured" if nanoseconds is None else measure.nanoseconds(nanoseconds)


Draw = Callable[[Sequence[Mapping[str, Any]], Mapping[str, str]], "Figure | None"]
FIGURES: dict[str, tuple[str, Draw]] = {
    "scaling": ("overhead", overhead),
    "cuda": ("training_step", training_step),
}
