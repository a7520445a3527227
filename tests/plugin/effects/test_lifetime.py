"""Dropped effects: their memory is free at once, without the cyclic collector."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator

import numpy as np
import pedalboard
import pytest

from hushgate import Chain, Denoiser
from hushgate.engine import BlockDenoiser

SOUND = np.full((2, 4800), 0.01, np.float32)


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def used_block_denoiser(model: str) -> BlockDenoiser:
    denoiser = BlockDenoiser(model)
    denoiser.prepare(48_000, 480, 2)
    denoiser.process(SOUND)
    return denoiser


def used_denoiser(model: str) -> Denoiser:
    denoiser = Denoiser(model)
    denoiser(SOUND, 48_000)
    return denoiser


def used_chain(model: str) -> Chain:
    chain = Chain([pedalboard.Gain(1.0), Denoiser(model), Chain([pedalboard.Gain(1.0)])])
    chain(SOUND, 48_000)
    return chain


@pytest.mark.parametrize("make", [used_block_denoiser, used_denoiser, used_chain])
def test_a_dropped_effect_is_gone(make: Callable[[str], object], stateful: str) -> None:
    effect = make(stateful)
    inner = effect[1] if isinstance(effect, Chain) else effect
    alive = weakref.ref(effect), weakref.ref(inner)
    del effect, inner
    assert [ref() for ref in alive] == [None, None]
