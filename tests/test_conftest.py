"""The table of slow tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import conftest


@pytest.mark.parametrize("entry", conftest.SLOW)
def test_every_entry_of_the_slow_table_is_there(entry: str) -> None:
    assert (Path(__file__).parent.parent / entry).exists()
