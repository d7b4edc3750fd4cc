"""Calls on padded sequences."""

from __future__ import annotations

from tests.ops.differential import Call, Draw, T, call, cases


@cases("torch.nn.utils.rnn.pad_sequence")
def pad_sequence(g: Draw) -> Call:
    rest = g.shape(0, 2)
    sequences = [T(g.corrupt((g.positive(), *rest), 0.1)) for _ in range(g.randint(1, 3))]
    return call(sequences, batch_first=g.chance(0.5))
