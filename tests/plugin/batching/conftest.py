"""Fixtures for the tests of batches."""

from __future__ import annotations

import pytest

from hushgate.batching.planning.recipe import BatchSettings, make_recipe


@pytest.fixture
def settings(identity: str) -> BatchSettings:
    return BatchSettings(make_recipe(None, identity, {}))
