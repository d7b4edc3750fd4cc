"""Calls of einops and einsum, their patterns drawn too."""

from __future__ import annotations

from typing import Any

import einops as einops_package

from tests.ops.differential import Call, Draw, T, call, cases, total

NAMES = ("b", "h", "w", "c", "t1", "t2")


def grouped(g: Draw, names: list[str]) -> list[list[str]]:
    """`names`, some neighbors of them in one pair of parentheses."""
    groups: list[list[str]] = []
    for name in names:
        if groups and g.chance(0.3) and "..." not in groups[-1] and name != "...":
            groups[-1].append(name)
        else:
            groups.append([name])
    if g.chance(0.15):
        groups.insert(g.randint(0, len(groups)), [])
    return groups


def text(g: Draw, groups: list[list[str]]) -> str:
    words = []
    for group in groups:
        words.append(group[0] if len(group) == 1 else g.choice(["1", "()"]) if not group else f"({' '.join(group)})")
    if g.chance(0.02):
        words.append("(")
    return " ".join(words)


def parts(g: Draw) -> tuple[dict[str, int], list[str], tuple[int, ...]]:
    """Sizes of names, the names in order, what the ellipsis stands for."""
    names = list(NAMES[: g.randint(0, 4)])
    sizes = {name: g.positive() for name in names}
    rest: tuple[int, ...] = ()
    if g.chance(0.3):
        rest = g.shape(0, 2)
        names.insert(g.randint(0, len(names)), "...")
    return sizes, names, rest


def shape_of(groups: list[list[str]], sizes: dict[str, int], rest: tuple[int, ...]) -> tuple[int, ...]:
    shape: list[int] = []
    for group in groups:
        shape.extend(rest if group == ["..."] else [total(sizes[name] for name in group)])
    return tuple(shape)


def lengths(g: Draw, groups: list[list[str]], sizes: dict[str, int]) -> dict[str, Any]:
    """The sizes that a pattern needs, and now and then one that it doesn't need, or a wrong one."""
    needed = {name: sizes[name] for group in groups for name in group[1:]}
    if sizes and g.chance(0.2):
        name = g.choice(list(sizes))
        needed[name] = sizes[name] if g.chance(0.5) else g.positive()
    return {name: size for name, size in needed.items() if g.chance(0.97)}


@cases("einops.rearrange")
def rearrange(g: Draw) -> Call:
    sizes, names, rest = parts(g)
    left = grouped(g, names)
    shuffled = g.sample(names, len(names))
    if shuffled and g.chance(0.03):
        shuffled.pop()
    right = grouped(g, shuffled)
    pattern = f"{text(g, left)} -> {text(g, right)}"
    return call(T(g.corrupt(shape_of(left, sizes, rest), 0.1)), pattern, **lengths(g, left, sizes))


@cases("einops.reduce")
def reduce(g: Draw) -> Call:
    sizes, names, rest = parts(g)
    left = grouped(g, names)
    kept = [name for name in g.sample(names, len(names)) if g.chance(0.6)]
    pattern = f"{text(g, left)} -> {text(g, grouped(g, kept))}"
    shape = g.corrupt(shape_of(left, sizes, rest), 0.1)
    return call(T(shape), pattern, g.choice(["mean", "sum", "max", "prod"]), **lengths(g, left, sizes))


@cases("einops.repeat")
def repeat(g: Draw) -> Call:
    sizes, names, rest = parts(g)
    left = grouped(g, names)
    new = {name: g.randint(1, 3) for name in NAMES[4:] if g.chance(0.6)}
    everything = [*names, *new]
    right = grouped(g, g.sample(everything, len(everything)))
    given = {name: size for name, size in new.items() if g.chance(0.97)}
    pattern = f"{text(g, left)} -> {text(g, right)}" + (" 2" if g.chance(0.1) else "")
    return call(T(g.corrupt(shape_of(left, sizes, rest), 0.1)), pattern, **lengths(g, left, sizes), **given)


def around(g: Draw) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What stands before and behind the star."""
    return tuple(g.positive() for _ in range(g.randint(0, 2))), tuple(g.positive() for _ in range(g.randint(0, 1)))


@cases("einops.pack")
def pack(g: Draw) -> Call:
    before, after = around(g)
    stars = [tuple(g.positive() for _ in range(g.randint(0, 2))) for _ in range(g.randint(1, 3))]
    tensors = [T(tuple(max(1, size) for size in g.corrupt((*before, *star, *after), 0.2))) for star in stars]
    words = [*NAMES[: len(before)], "*", *NAMES[len(before) : len(before) + len(after)]]
    return call(tensors, " ".join(words))


@cases("einops.unpack")
def unpack(g: Draw) -> Call:
    before, after = around(g)
    stars: list[tuple[int, ...]] = [tuple(g.positive() for _ in range(g.randint(0, 2))) for _ in range(g.randint(1, 3))]
    length = sum(map(total, stars))
    words = [*NAMES[: len(before)], "*", *NAMES[len(before) : len(before) + len(after)]]
    if g.chance(0.3):
        stars[g.randrange(len(stars))] = (-1,)
    return call(T(tuple(max(1, size) for size in g.corrupt((*before, length, *after), 0.1))), stars, " ".join(words))


@cases("torch.einsum")
def einsum(g: Draw) -> Call:
    operands, sides, used = labelled(g, "ijkab")
    output = "".join(label for label in dict.fromkeys(g.sample(used, len(used))) if g.chance(0.6))
    equation = ",".join("".join(side) for side in sides)
    return call(equation + (f"->{output}" if g.chance(0.8) else ""), *operands)


def labelled(g: Draw, letters: str) -> tuple[list[T], list[list[str]], list[str]]:
    """One to three operands and the labels of their dims."""
    sizes = {letter: g.positive() for letter in letters}
    operands, sides, used = [], [], []
    for _ in range(g.randint(1, 3)):
        labels = [g.choice(letters) for _ in range(g.randint(0, 3))]
        if not g.chance(0.1):
            labels = list(dict.fromkeys(labels))
        shape = [1 if g.chance(0.05) and labels.count(label) == 1 else sizes[label] for label in labels]
        if g.chance(0.15):
            labels.append("...")
            shape.extend(g.choice([(), (2,), (1,)]))
        sides.append(labels)
        operands.append(T(g.corrupt(shape, 0.08)))
        used.extend(labels)
    return operands, sides, used


@cases("einops.einsum")
def einops_einsum(g: Draw) -> Call:
    operands, sides, used = labelled(g, "ijkab")
    words = {label: f"{label}x" if label != "..." else label for label in used}
    kept = [words[label] for label in dict.fromkeys(used) if g.chance(0.6)]
    left = ", ".join(" ".join(words[label] for label in side) for side in sides)
    return call(*operands, f"{left} -> {' '.join(kept)}")


def pattern_first(pattern: str, *tensors: Any) -> Any:
    return einops_package.einsum(*tensors, pattern)


@cases("fancy_einsum.einsum", torch=pattern_first)
def fancy_einsum(g: Draw) -> Call:
    *tensors, pattern = einops_einsum(g).args
    return call(pattern, *tensors)
