"""The hush network in numpy, frame by frame: what the core computes, to check weights against onnxruntime.

`hushgate.training.models.hush` has the idea, native/core/hush_network.cpp the same steps in C++.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.native.network_config import NetworkConfig
from hushgate.engine.native.weights_file import PRESENCE_WIDTH, UPPER_WIDTH, Weights

Real = NDArray[np.float32]

_FLOOR = np.float32(1e-12)
_MASK_BOUND = 2.0
_LEAST_PASSED, _MOSTLY_PASSED = 0.4, 0.8
_HARDLY_PASSED, _PAUSE_PASSED = 0.06, 0.03
_DEEP, _UPPER_DEEP = 0.01, 0.001
_UPPER_PAUSE = np.float32(0.25)
_SURELY_THERE, _SURELY_GONE, _PAUSE_DB = 0.5, -0.5, 40.0
_STEADY_FRAMES, _AT_ONCE = 5, 2.0


class NumpyNetwork:
    """Compute masks of one channel, frame by frame.

    Args:
        config: The configuration.
        weights: By the names of `weight_shapes`.

    State: of every block (bands, band_channels), and of the heads.
    """

    def __init__(self, config: NetworkConfig, weights: Weights) -> None:
        self._config = config
        self._weights = weights
        self._hidden = [
            np.zeros((config.bands, config.band_channels), np.float32) for _ in range(config.num_blocks)
        ]
        self._presence_hidden = np.zeros((1, PRESENCE_WIDTH), np.float32)
        self._recent = np.zeros(_STEADY_FRAMES - 1, np.float32)
        self._upper_hidden = np.zeros((1, UPPER_WIDTH), np.float32)

    def run(self, spectrum: Real, levels: Real | None = None) -> tuple[Real, Real, float | None]:
        """Compute the mask of the next frame.

        Args:
            spectrum: (num_bins, 2), real and imaginary part.
            levels: (bands above, 2), mean power of a bin and 1.0, both 0.0 where the band is unknown; for a
                network with bands above.

        Returns:
            The mask (num_bins, 2), the gain of each band above, and the presence or None.
        """
        config = self._config
        power = (spectrum**2).sum(-1) + _FLOOR
        level = np.log(power)
        scale = np.exp(np.float32(-0.35) * level)[:, None]
        features = np.concatenate([spectrum * scale, np.exp(np.float32(0.15) * level)[:, None]], axis=1)
        patches = features.reshape(config.num_patches, 3 * config.stride)
        x = _silu(self._product("encode", _neighbours(patches)))
        for index in range(config.num_layers):
            x = x + _silu(self._product(f"down.{index}", _neighbours(x)))
        skip = x
        x = self._product("widen", self._weights["squeeze"] @ x) + self._weights["band_position"]
        for index in range(config.num_blocks):
            x = self._block(index, x)
        presence_logit = self._presence(x) if config.presence else None
        upper_gain = None
        if config.upper_edges_hz:
            assert levels is not None
            upper_gain = self._upper(x, levels)
        x = self._weights["expand"] @ self._product("narrow", x)
        x = _silu(self._product("join", np.concatenate([x, skip], axis=1)))
        for index in range(config.num_layers):
            x = x + _silu(self._product(f"up.{index}", _neighbours(x)))
        mask = self._product("decode", _neighbours(x)).clip(-_MASK_BOUND, _MASK_BOUND).reshape(-1, 2)
        mask, continued = self._finish(mask[: config.num_bins - config.stride], power)
        if upper_gain is None:
            upper_gain = np.array([continued], np.float32)
        if presence_logit is None:
            return mask, upper_gain, None
        there = np.clip((presence_logit - _SURELY_GONE) / (_SURELY_THERE - _SURELY_GONE), 0.0, 1.0)
        gain = np.float32(10.0 ** ((there - 1.0) * _PAUSE_DB / 20.0))
        return mask * gain, upper_gain * gain, float(1.0 / (1.0 + np.exp(-presence_logit)))

    def _product(self, name: str, x: Real) -> Real:
        result: Real = x @ self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return result

    def _recurrence(self, name: str, x: Real, hidden: Real) -> Real:
        """The next hidden state of a GRU; its weights hold update, reset and candidate side by side."""
        given, own = self._product(f"{name}.input", x), self._product(f"{name}.hidden", hidden)
        width = hidden.shape[1]
        update, reset = _split(_sigmoid(given[:, : 2 * width] + own[:, : 2 * width]), 2)
        candidate = np.tanh(given[:, 2 * width :] + reset * own[:, 2 * width :])
        result: Real = candidate + update * (hidden - candidate)
        return result

    def _block(self, index: int, x: Real) -> Real:
        name, config = f"blocks.{index}", self._config
        hidden = self._hidden[index] = self._recurrence(f"{name}.gru", x, self._hidden[index])
        x = x + self._product(f"{name}.time_out", hidden)
        heads = _split(self._product(f"{name}.query_key_value", x), 3 * config.num_heads)
        mixed = []
        for head in range(config.num_heads):
            query, key, value = heads[head :: config.num_heads]
            scores = query @ key.T / np.sqrt(np.float32(query.shape[1]))
            shares = np.exp(scores - scores.max(axis=1, keepdims=True))
            mixed.append(shares @ value / shares.sum(axis=1, keepdims=True))
        return x + self._product(f"{name}.band_out", np.concatenate(mixed, axis=1))

    def _presence(self, x: Real) -> float:
        """The steady logit of the target's presence."""
        below = _silu(self._product("presence.narrow", x)).reshape(1, -1)
        gathered = _silu(self._product("presence.gather", below))
        self._presence_hidden = self._recurrence("presence.gru", gathered, self._presence_hidden)
        logit = self._product("presence.answer", gathered + self._presence_hidden)[0, 0]
        frames = np.append(self._recent, logit)
        self._recent = frames[1:]
        return max(float(frames.mean()), float(logit) - _AT_ONCE)

    def _upper(self, x: Real, levels: Real) -> Real:
        """The gains of the bands above."""
        compressed = (levels.reshape(1, -1) + _FLOOR) ** np.float32(0.15)
        below = _silu(self._product("upper.narrow", x)).reshape(1, -1)
        gathered = _silu(self._product("upper.gather", np.concatenate([below, compressed], axis=1)))
        self._upper_hidden = self._recurrence("upper.gru", gathered, self._upper_hidden)
        gains: Real = _sigmoid(self._product("upper.answer", gathered + self._upper_hidden))[0]
        return gains

    def _finish(self, mask: Real, power: Real) -> tuple[Real, np.float32]:
        """Correct the mask (`settle` of the training) and continue it over the top patch and above."""
        config = self._config
        if config.relief_db or config.silent_pauses:
            passed = (mask**2).sum(-1).clip(max=1.0)
            inside = power[: len(mask)]
            share = float((inside * passed).sum() / inside.sum())
            amount = min(max((share - _LEAST_PASSED) / (_MOSTLY_PASSED - _LEAST_PASSED), 0.0), 1.0)
            factor = _relief(passed, 1.0 + amount * (10.0 ** (config.relief_db / 10.0) - 1.0), _DEEP)
            if config.silent_pauses:
                amount = min(max((_HARDLY_PASSED - share) / (_HARDLY_PASSED - _PAUSE_PASSED), 0.0), 1.0)
                factor = factor * np.float32(1.0 - amount) + factor * np.float32(amount) * passed
            mask = mask * np.sqrt(factor)[:, None]
        gain = min(_mean_gain(mask[config.upper_from_bin :]), np.float32(1.0))
        if config.upper_relief_db:
            most = 10.0 ** (config.upper_relief_db / 10.0)
            gain = gain * np.sqrt(_relief(gain**2, most, _UPPER_DEEP))
        if config.silent_upper_pauses:
            gain = gain * min(_mean_gain(mask[: config.upper_from_bin]) / _UPPER_PAUSE, np.float32(1.0))
        edge = np.tile(np.array([[gain, 0.0]], np.float32), (config.stride, 1))
        return np.concatenate([mask, edge]), np.float32(gain)


def _neighbours(x: Real) -> Real:
    """Join each row with the one before and the one after it."""
    padded = np.pad(x, ((1, 1), (0, 0)))
    return np.concatenate([padded[:-2], padded[1:-1], padded[2:]], axis=1)


def _split(x: Real, count: int) -> list[Real]:
    return np.split(x, count, axis=1)


def _sigmoid(x: Real) -> Real:
    result: Real = np.float32(0.5) + np.float32(0.5) * np.tanh(np.float32(0.5) * x)
    return result


def _silu(x: Real) -> Real:
    return x * _sigmoid(x)


def _mean_gain(mask: Real) -> Any:
    return np.sqrt((mask**2).sum(-1)).mean()


def _relief(passed: Real, most: float, deep: float) -> Real:
    one = np.float32(1.0)
    share = (passed - passed * passed) / ((one + np.float32(most) * passed) * (passed + np.float32(deep)))
    result: Real = (one + np.float32(most - 1.0) * share).astype(np.float32, copy=False)
    return result
