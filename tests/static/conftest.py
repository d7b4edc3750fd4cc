"""Rules of ops that fail by themselves fail these tests, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shapecheck.static.operations import STRICT


@pytest.fixture(autouse=True)
def internal_errors_are_raised() -> Iterator[None]:
    token = STRICT.set(True)
    yield
    STRICT.reset(token)
