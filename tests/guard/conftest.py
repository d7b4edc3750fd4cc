"""One thread: the tensors are tiny, and a thread pool that waits for a busy machine makes them slow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from shapecheck.runtime.guard.active import ACTIVE

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    yield
    assert ACTIVE.get() is None
    assert torch._C._len_torch_function_stack() == 0
