"""Trainings that start from trained weights: the file's function, and a first step that keeps it."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")

from hushgate.engine import load_model  # noqa: E402
from hushgate.training.config.mixture_schema import DataConfig, MixConfig, SourceSpec  # noqa: E402
from hushgate.training.config.schema import CardConfig, Config, TrainConfig  # noqa: E402
from hushgate.training.exporting.mask_network import export_network  # noqa: E402
from hushgate.training.exporting.onnx_file import trace  # noqa: E402
from hushgate.training.exporting.segment_network import export_segment_network  # noqa: E402
from hushgate.training.fitting import initial_weights  # noqa: E402
from hushgate.training.fitting.denoising_module import DenoisingModule  # noqa: E402
from hushgate.training.fitting.trainer import train  # noqa: E402
from hushgate.training.models import FAMILIES, SegmentNetwork  # noqa: E402
from hushgate.training.models.checkpoint import load_network  # noqa: E402
from tests.helpers.small_models import SMALL, hush_of  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor


MODEL = {
    "family": "hush",
    "num_bins": 64,
    "channels": 8,
    "bands": 6,
    "band_channels": 12,
    "num_heads": 2,
    "upper_from_hz": 1500.0,
}


def _config(folder: Path | None = None, **model: int) -> Config:
    return Config(
        model=MODEL | model,
        data=DataConfig(
            folders=(str(folder),) if folder else (), sample_rate=4000, segment_s=1.0, val_examples=2
        ),
        mix=MixConfig(targets=(SourceSpec("speech"),), noises=(SourceSpec("coloured"),)),
        train=TrainConfig(
            max_steps=1, batch_size=2, learning_rate=1e-9, steps_per_epoch=1, workers=0, accelerator="cpu"
        ),
    )


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A network far from its start: random weights, random statistics."""
    torch.manual_seed(3)
    network = hush_of(DenoisingModule(_config()).network)
    with torch.no_grad():
        network.decode.weight.mul_(30.0)
        for name, value in network.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 2.0)
            elif value.is_floating_point():
                value.add_(torch.randn_like(value) * 0.1)
    path = tmp_path / "trained.onnx"
    export_network(network, CardConfig(name="trained", licence="MIT"), path)
    return path


def _noisy(batches: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(4, 8000, generator=generator) * 0.1 for _ in range(batches)]


def test_a_network_read_back_computes_what_the_file_computes(exported: Path) -> None:
    module = DenoisingModule(_config())
    initial_weights.initialize(module, exported, _noisy(3))
    model = load_model(exported)
    spectrum = torch.randn(2, 60, 64, 2) * 0.1
    network = hush_of(module.network).eval()
    with torch.no_grad():
        mask, upper_gain, *_ = network(spectrum, network.initial_state(2))
    found = model.run(spectrum.numpy(), model.initial_state(2))
    np.testing.assert_allclose(mask.numpy(), found[0], atol=1e-5)
    np.testing.assert_allclose(upper_gain.numpy(), found[1], atol=1e-5)


@pytest.mark.parametrize("checkpoint", [False, True])
def test_a_deeper_network_starts_from_the_function_of_a_shallower(
    checkpoint: bool, exported: Path, tmp_path: Path
) -> None:
    source = exported
    if checkpoint:
        module = DenoisingModule(_config())
        initial_weights.initialize(module, exported, _noisy(3))
        source = tmp_path / "source.ckpt"
        torch.save({"state_dict": module.state_dict(), "hyper_parameters": dict(module.hparams)}, source)
    deeper = DenoisingModule(_config(num_blocks=3, num_layers=2))
    initial_weights.initialize(deeper, source, _noisy(3))
    spectrum = torch.randn(2, 60, 64, 2) * 0.1
    model = load_model(exported)
    expected = model.run(spectrum.numpy(), model.initial_state(2))[0]
    with torch.no_grad():
        network = hush_of(deeper.network).eval()
        mask, *_, state = network(spectrum, network.initial_state(2))
    assert len(state) == 3
    np.testing.assert_allclose(mask.numpy(), expected, atol=1e-5)
    # Every added part learns, with one step of delay behind its last scale.
    optimizer = torch.optim.SGD(deeper.parameters(), lr=1.0)
    for _ in range(2):
        optimizer.zero_grad()
        deeper.train()(_noisy(1)[0])[0].square().mean().backward()
        optimizer.step()
    for name, parameter in deeper.network.named_parameters():
        if name.startswith(("blocks.2.", "down.1.", "up.1.")) and "linear.bias" not in name:
            assert parameter.grad is not None
            assert float(parameter.grad.abs().max()) > 0.0, name


def test_the_first_training_step_hears_nearly_the_same(exported: Path) -> None:
    """Batch statistics replace the running ones in training: with normalizations left at identity, the
    output would be another."""
    module, other = DenoisingModule(_config()), DenoisingModule(_config())
    mixtures = _noisy(5)
    initial_weights.initialize(module, exported, mixtures[1:])
    other.load_state_dict(module.state_dict())
    for one in other.modules():
        if isinstance(one, torch.nn.BatchNorm1d):
            one.reset_parameters()

    def change(trained: DenoisingModule) -> float:
        with torch.no_grad():
            expected = module.eval()(mixtures[0])[0]
            estimate = trained.train()(mixtures[0])[0]
        return float((estimate - expected).square().mean() / expected.square().mean())

    assert change(module) < 0.01
    assert change(other) > 5 * change(module)


def test_training_starts_from_a_model_file_or_a_checkpoint(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "speech").mkdir()
    rng = np.random.default_rng(0)
    for number in range(10):
        audio = np.cumsum(rng.standard_normal(4000)) * np.hanning(4000)
        soundfile.write(tmp_path / "speech" / f"{number}.wav", audio / np.abs(audio).max() / 2, 4000)
    config = _config(tmp_path)
    first = train(config, tmp_path / "first", init_from=exported, progress=False)
    second = train(config, tmp_path / "second", init_from=first, progress=False)
    model = load_model(exported)
    spectrum = torch.randn(1, 20, 64, 2) * 0.1
    expected = model.run(spectrum.numpy(), model.initial_state(1))[0]
    untrained = np.square(expected - np.array([1.0, 0.0], np.float32)).mean()
    assert untrained > 0.01
    for checkpoint in (first, second):
        network = hush_of(load_network(checkpoint)[0])
        with torch.no_grad():
            mask, *_ = network(spectrum, network.initial_state(1))
        # One step at a learning rate of almost nothing; only running statistics have moved.
        assert np.square(mask.numpy() - expected).mean() < 0.05 * untrained
        assert torch.load(checkpoint, weights_only=True)["global_step"] == 1


@pytest.mark.parametrize("family", sorted(FAMILIES.keys() - {"hush"}))
def test_segment_networks_are_read_back_too(family: str, tmp_path: Path) -> None:
    model = SMALL[family] | {"family": family}
    torch.manual_seed(1)
    source = DenoisingModule(Config(model=model)).network
    assert isinstance(source, SegmentNetwork)
    with torch.no_grad():
        for value in source.parameters():
            value.add_(torch.randn_like(value) * 0.1)
    path = tmp_path / "trained.onnx"
    segment = torch.randn(3, *source.example_shape) * 0.1
    with torch.no_grad():
        expected = source.eval()(segment)[0]
    export_segment_network(source, CardConfig(name=family, licence="MIT"), 4000, path)
    module = DenoisingModule(Config(model=model, data=DataConfig(sample_rate=4000)))
    initial_weights.initialize(module, path, _noisy(2))
    with torch.no_grad():
        found = module.network.eval()(segment)[0]
    # The variance of the code leaves no trace in a file: it begins anew.
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": 10}, r"encode\.linear\.weight of shape \(8, 36\), but \[model\] calls for \(10, 36\)"),
        ({"num_blocks": 1}, r"has a weight blocks\.1\."),
        ({"num_heads": 3}, "computes something else"),
        ({"upper_from_hz": 1000.0}, "computes something else"),
        ({"frame_ms": 36.0}, r"has frame_ms 32, but \[model\] says 36"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(change: dict[str, int], message: str, exported: Path) -> None:
    with pytest.raises(initial_weights.InitializationError, match=message):
        initial_weights.initialize(DenoisingModule(_config(None, **change)), exported, _noisy(1))


def test_a_training_may_correct_masks_otherwise_than_the_file(exported: Path) -> None:
    plain = DenoisingModule(_config())
    corrected = DenoisingModule(_config(upper_relief_db=9, silent_upper_pauses=True, silent_pauses=True))
    own = corrected.network.config
    for module in (plain, corrected):
        initial_weights.initialize(module, exported, _noisy(1))
    assert corrected.network.config == own
    for name, value in plain.network.state_dict().items():
        assert torch.equal(corrected.network.state_dict()[name], value), name


def test_products_over_three_axes_are_read_too(tmp_path: Path) -> None:
    """As in files from before the layers put their rows on one axis: the exporter has transposed them."""
    layers = torch.nn.Sequential(OrderedDict(encode=torch.nn.Linear(3, 5)))
    graph = torch.nn.Sequential(OrderedDict(network=layers))
    path = tmp_path / "old.onnx"
    trace(graph, (torch.zeros(1, 2, 3),), path, inputs=["x"], outputs=["y"], axes={"x": {1: "frames"}})
    weights = initial_weights.read_onnx_weights(path)
    assert weights.keys() == {"encode.weight", "encode.bias"}
    for name, value in weights.items():
        assert torch.equal(value, layers.state_dict()[name])


def test_a_file_of_another_family_lacks_weights(exported: Path) -> None:
    module = DenoisingModule(Config(model=SMALL["unet"] | {"family": "unet"}))
    with pytest.raises(
        initial_weights.InitializationError, match=r"has no weight \S+, which \[model\] calls for"
    ):
        initial_weights.initialize(module, exported, _noisy(1))


def test_missing_and_foreign_files_are_named(tmp_path: Path) -> None:
    module = DenoisingModule(_config())
    for name in ("no.onnx", "no.ckpt"):
        with pytest.raises(FileNotFoundError, match=name):
            initial_weights.initialize(module, tmp_path / name, [])
    junk = tmp_path / "junk.onnx"
    junk.write_bytes(b"not a model at all")
    with pytest.raises(ValueError, match=r"junk\.onnx is not an ONNX file"):
        initial_weights.initialize(module, junk, [])
