"""Two processes train what one would: the same batches, statistics and losses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.tiny import write_workshop

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")
pytest.importorskip("lightning", reason="training needs the extra hushgate[train]")

from hushgate.training.config.schema import Config  # noqa: E402
from hushgate.training.fitting.distributed import BatchShareSampler, EveryNth, share_plan  # noqa: E402
from hushgate.training.models.checkpoint import load_network  # noqa: E402
from tests.helpers.small_models import hush_of  # noqa: E402
from tests.training.fitting import ddp_worker  # noqa: E402

# Examples without target, so that the processes have different numbers of ratios to average; 3 validation
# examples cannot be divided evenly.
OVERRIDES = (
    "train.batch_size=4",
    "train.max_steps=4",
    "train.precision='32-true'",
    "train.logger='none'",
    "mix.noise_only=0.4",
    "data.val_examples=3",
)


def _torchrun(workshop: Path, output: Path, *overrides: str) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    worker = [ddp_worker.__file__, workshop / "tiny.toml", workshop / "data", output, *overrides]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    run = subprocess.run(
        [*command, *map(str, worker)], capture_output=True, text=True, timeout=420, env=environment
    )
    assert run.returncode == 0, run.stderr[-3000:]


def _seen(output: Path) -> list[dict[str, Any]]:
    return [json.loads((output / f"rank-{rank}.json").read_text()) for rank in (0, 1)]


def _masks(run: Path) -> Any:
    network = hush_of(load_network(run / "last.ckpt")[0])
    spectrum = torch.randn(1, 20, 64, 2, generator=torch.Generator().manual_seed(0)) * 0.1
    with torch.no_grad():
        return network(spectrum, network.initial_state(1))[0]


@pytest.mark.level(6)
@pytest.mark.skipif(sys.platform != "linux", reason="gloo over the loopback device is tested on Linux")
def test_two_processes_train_what_one_does(tmp_path: Path) -> None:
    workshop = write_workshop(tmp_path / "workshop")
    two, one = tmp_path / "two", tmp_path / "one"
    _torchrun(workshop, two, *OVERRIDES, "train.devices=2")
    for name, variant in ddp_worker.VARIANTS.items():
        shared = _seen(two / name)
        overrides = (*OVERRIDES, *variant)
        alone = ddp_worker.run(workshop / "tiny.toml", workshop / "data", one / name, overrides)
        joined = [a + b for a, b in zip(shared[0]["examples"], shared[1]["examples"], strict=True)]
        assert joined == alone.examples
        assert shared[0]["losses"] == shared[1]["losses"] == pytest.approx(alone.losses, rel=1e-4)
        assert shared[0]["validations"] == pytest.approx(alone.validations, rel=1e-3)
        # Not weight by weight: biases before a normalization have no gradient but rounding errors, which the
        # optimizer scales up and the normalization removes again.
        torch.testing.assert_close(_masks(two / name), _masks(one / name), rtol=0.0, atol=1e-3)


@pytest.mark.parametrize("world_size", [1, 2, 3, 6])
def test_parts_of_a_batch_make_the_whole(world_size: int) -> None:
    parts = []
    for rank in range(world_size):
        sampler = BatchShareSampler(3, 6)
        sampler.start, sampler.rank, sampler.world_size = 12, rank, world_size
        parts.append(list(sampler))
        assert len(sampler) == len(parts[-1]) == 18 // world_size
    size = 6 // world_size
    batches = [[n for part in parts for n in part[i * size : (i + 1) * size]] for i in range(3)]
    assert batches == [list(range(12 + 6 * i, 18 + 6 * i)) for i in range(3)]


def test_validation_examples_are_dealt_out_once() -> None:
    dealt = []
    for rank in range(3):
        sampler = EveryNth(7)
        sampler.rank, sampler.world_size = rank, 3
        assert len(sampler) == len(list(sampler))
        dealt += list(sampler)
    assert sorted(dealt) == list(range(7))


def test_one_device_needs_no_strategy_and_several_get_ddp() -> None:
    assert share_plan(Config(), on_cuda=False) == {"devices": 1, "strategy": "auto"}
    plan = share_plan(Config.from_dict({"train": {"devices": 2, "nodes": 2}}), on_cuda=True)
    assert (plan["devices"], plan["num_nodes"]) == (2, 2)
    assert type(plan["strategy"]).__name__ == "DDPStrategy"
    assert type(plan["plugins"][0]).__name__ == "TorchSyncBatchNorm"
