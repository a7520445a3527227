"""The families one by one: shapes, what makes each what it is, and PyTorch against the engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")

from torch.nn import functional  # noqa: E402

from hushgate.engine import BlockDenoiser  # noqa: E402
from hushgate.training.config.mixture_schema import DataConfig  # noqa: E402
from hushgate.training.config.schema import CardConfig, Config, load_config, shipped_config  # noqa: E402
from hushgate.training.exporting import onnx_file, segment_network  # noqa: E402
from hushgate.training.fitting.denoising_module import DenoisingModule  # noqa: E402
from hushgate.training.models import FAMILIES, LatentAE, SegmentNetwork, build_model  # noqa: E402
from hushgate.training.models.torch_framing import Framing  # noqa: E402
from hushgate.training.models.unet import WidenByConvolution  # noqa: E402
from tests.helpers.small_models import SMALL  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor


CARD = CardConfig(name="small", task="voice", licence="MIT")
SEGMENTS = sorted(FAMILIES.keys() - {"hush"})
RATE = 4000
# Beside the families as they are, what their options change.
VARIANTS: dict[str, dict[str, Any]] = {
    **{family: {"family": family} for family in SEGMENTS},
    "magnitude": {"family": "conv_ae", "output": "magnitude"},
    "plain": {"family": "conv_ae", "compression": 1.0},
    "predicted": {"family": "latent_ae", "phase": "predicted"},
    "complex": {"family": "latent_ae", "phase": "complex"},
    "angle": {"family": "latent_ae", "phase": "angle"},
    "unit": {"family": "latent_ae", "levels": "unit"},
    "unit-angle": {"family": "latent_ae", "levels": "unit", "phase": "angle"},
    "upsampled": {"family": "unet", "upsampling": "convolution"},
    "spectrogram": {"family": "unet", "upsampling": "convolution", "output": "spectrogram"},
    "uneven": {"family": "unet", "segment_hop_frames": 5, "overlap": 2},
}


def _small(seed: int = 0, **model: Any) -> SegmentNetwork:
    """An untrained network, far from the identity, with random statistics."""
    torch.manual_seed(seed)
    network = build_model(SMALL[model["family"]] | model)
    assert isinstance(network, SegmentNetwork)
    with torch.no_grad():
        for name, value in network.named_buffers():
            if name.endswith("running_mean"):
                value.normal_(0.0, 0.1)
            elif name.endswith("running_var"):
                value.uniform_(0.5, 2.0)
        for value in network.parameters():
            value.add_(torch.randn_like(value) * 0.1)
    return network.eval()


def _enhanced(network: SegmentNetwork, audio: Tensor) -> Tensor:
    framing = Framing(RATE, network.config.frame_ms, network.config.overlap)
    with torch.no_grad():
        spectrum, _ = network.enhance(framing.analyse(audio))
    return framing.synthesize(spectrum, audio.shape[-1])


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_engine_hears_what_pytorch_hears(variant: str, tmp_path: Path) -> None:
    network = _small(**VARIANTS[variant])
    path = tmp_path / "small.onnx"
    audio = np.random.default_rng(0).standard_normal((1, 3 * RATE)).astype(np.float32) * 0.1
    expected = _enhanced(network, torch.from_numpy(audio))
    info = segment_network.export_segment_network(network, CARD, RATE, path).info
    assert list(tmp_path.iterdir()) == [path]
    assert info.segment is not None
    assert (info.name, info.num_bins, info.segment.sample_rate) == ("small", network.config.num_bins, RATE)
    engine = BlockDenoiser(path)
    engine.prepare(RATE, 4096, 1)
    streamed = np.concatenate([engine.process(audio), engine.flush()], axis=1)[:, engine.latency_samples :]
    level = float(expected.abs().max())
    assert level > 1e-4
    np.testing.assert_allclose(streamed, expected.numpy(), atol=2e-5 * max(level, 1.0))


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradients_reach_every_weight(variant: str) -> None:
    model = VARIANTS[variant]
    module = DenoisingModule(
        Config(model=SMALL[model["family"]] | model, data=DataConfig(sample_rate=RATE))
    ).train()
    torch.manual_seed(0)
    clean = torch.randn(2, 2 * RATE) * 0.1
    result = module.assess(clean + 0.05 * torch.randn_like(clean), clean)
    result.loss.backward()
    assert torch.isfinite(result.loss)
    for name, value in module.network.named_parameters():
        assert value.grad is not None, name
        assert torch.isfinite(value.grad).all(), name
        # A bias before a batch normalization has none by right.
        if not name.endswith("convolution.bias"):
            assert value.grad.abs().max() > 0.0, name


@pytest.mark.parametrize("variant", VARIANTS)
def test_half_precision_changes_little(variant: str) -> None:
    """Under autocast, as on processors that multiply in bf16: finite gradients, nearly the same sound."""
    network, audio = _small(**VARIANTS[variant]), torch.randn(1, RATE) * 0.1
    expected = _enhanced(network, audio)
    with torch.autocast("cpu", torch.bfloat16):
        found = _enhanced(network, audio)
    assert found.dtype == torch.float32
    assert float((found - expected).norm() / expected.norm()) < 0.1
    framing = Framing(RATE, network.config.frame_ms, network.config.overlap)
    with torch.autocast("cpu", torch.bfloat16):
        spectrum, terms = network.train().enhance(framing.analyse(audio))
        sum((term.mean() for term in terms.values()), start=spectrum.square().mean()).backward()
    for name, value in network.named_parameters():
        assert value.grad is not None, name
        assert torch.isfinite(value.grad).all(), name


@pytest.mark.parametrize("variant", [*SEGMENTS, "complex", "angle", "unit", "upsampled", "spectrogram"])
def test_a_network_learns_to_keep_a_sound(variant: str) -> None:
    """Sixty steps on one example: most of the noise goes, or most of the sound comes back."""
    name = VARIANTS[variant]["family"]
    model: dict[str, Any] = SMALL[name] | VARIANTS[variant]
    if name == "wave_ae":
        model["layers"] = [64, 32]
    if name == "unet":
        model["dropout"] = 0.0
    torch.manual_seed(0)
    module = DenoisingModule(Config(model=model, data=DataConfig(sample_rate=RATE))).train()
    time = torch.arange(RATE) / RATE
    clean = 0.2 * torch.sin(2 * torch.pi * 300.0 * time)[None]
    noisy = clean + 0.1 * torch.randn(1, RATE)
    optimizer = torch.optim.Adam(module.parameters(), 5e-3)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = module.assess(noisy, clean).loss
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 1.5


@pytest.mark.parametrize("family", SEGMENTS)
@pytest.mark.parametrize("frames", [1, 7, 40])
def test_any_number_of_frames_keeps_its_shape_in_training_and_evaluation(family: str, frames: int) -> None:
    network = _small(family=family)
    bins = network.config.num_bins
    for extra in (-3, 0, 9):
        spectrum = torch.randn(2, frames, bins + extra, 2) * 0.1
        for mode in (network.eval(), network.train()):
            assert mode.enhance(spectrum)[0].shape == spectrum.shape


@pytest.mark.parametrize("family", SEGMENTS)
def test_segments_side_by_side_leave_no_seam_where_the_answer_is_the_question(family: str) -> None:
    """Cutting, weighting and joining alone change nothing."""
    network = _small(family=family)
    network.estimate = lambda segments: (segments, {})  # type: ignore[method-assign]
    spectrum = torch.randn(2, 37, network.config.num_bins, 2)
    for mode in (network.eval(), network.train()):
        torch.testing.assert_close(mode.enhance(spectrum)[0], spectrum, atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", ["conv_ae", "conv_vae", "wave_ae"])
def test_level_makes_no_difference_where_features_are_relative(family: str) -> None:
    network = _small(family=family)
    audio = torch.randn(1, RATE) * 0.1
    torch.testing.assert_close(
        _enhanced(network, audio * 4.0), _enhanced(network, audio) * 4.0, rtol=1e-3, atol=1e-4
    )


def test_new_masks_are_nearly_open() -> None:
    torch.manual_seed(0)
    audio = torch.randn(1, 2 * RATE) * 0.1
    for family in ("conv_ae", "conv_vae", "unet"):
        network = build_model(SMALL[family] | {"family": family}).eval()
        assert isinstance(network, SegmentNetwork)
        assert 0.8 < float(_enhanced(network, audio).norm() / audio.norm()) < 1.0


def test_the_variational_code_is_drawn_in_training_and_its_mean_otherwise() -> None:
    network = _small(family="conv_vae")
    segment = torch.randn(2, 16, 64, 2) * 0.1
    first, terms = network.estimate(segment)
    assert torch.equal(first, network.estimate(segment)[0])
    torch.testing.assert_close(first, network(segment)[0])
    network.train()
    assert not torch.equal(network.estimate(segment)[0], network.estimate(segment)[0])
    assert terms["kl"] > 0.0
    # A code of a standard normal distribution costs nothing.
    with torch.no_grad():
        for layer in (network.to_mean, network.to_log_variance):
            layer.weight.zero_()  # type: ignore[union-attr, operator]
            layer.bias.zero_()  # type: ignore[union-attr, operator]
    assert float(network.estimate(segment)[1]["kl"]) == pytest.approx(0.0, abs=1e-7)


def test_the_kl_weight_is_that_of_the_configuration() -> None:
    segment = torch.randn(1, 16, 64, 2) * 0.1
    with torch.no_grad():
        terms = [float(_small(family="conv_vae", kl_weight=w).estimate(segment)[1]["kl"]) for w in (0.1, 0.3)]
    assert terms[1] == pytest.approx(3 * terms[0], rel=1e-4)


def test_skips_join_the_layers_that_the_configuration_names() -> None:
    with_skips, without = _small(family="latent_ae"), _small(family="latent_ae", skips=[])
    segment = torch.randn(1, 16, 32, 2) * 0.1
    with torch.no_grad():
        assert not torch.allclose(with_skips(segment)[0], without(segment)[0])
        # All that an output knows has passed the code, but for the skips.
        without.from_code.weight.zero_()  # type: ignore[union-attr, operator]
        first, second = (without(one)[0].square().sum(-1).sqrt() for one in (segment, segment * 0.3))
    torch.testing.assert_close(first, second, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            {"family": "conv_ae", "num_bins": 100, "upper_from_hz": 500.0},
            r"num_bins must be a multiple of 8, .* \(got 100\)",
        ),
        (
            {"family": "unet", "segment_frames": 100},
            r"segment_frames must be a multiple of 16, .* \(got 100\)",
        ),
        (
            {"family": "unet", "segment_hop_frames": 0},
            r"segment_hop_frames must be between 1 and segment_frames",
        ),
        ({"family": "unet", "dropout": 1.0}, r"dropout must be between 0\.0 and 1\.0"),
        ({"family": "conv_ae", "output": "phase"}, r"output must be one of mask, magnitude \(got 'phase'\)"),
        ({"family": "conv_ae", "compression": 0.0}, r"compression must be above 0\.0"),
        ({"family": "conv_vae", "kl_weight": -1.0}, r"kl_weight must be at least 0\.0"),
        ({"family": "conv_vae", "code_channels": 0}, "code_channels must be at least 1"),
        ({"family": "latent_ae", "skips": [7]}, r"skips must lie between 1 and 6 \(got \[7\]\)"),
        ({"family": "latent_ae", "code_size": 0}, "code_size must be at least 1"),
        ({"family": "wave_ae", "segment_frames": 2, "segment_hop_frames": 1}, "segment_frames must be 1"),
        ({"family": "wave_ae", "layers": []}, "layers must name at least one width"),
        ({"family": "wave_ae", "upper_from_hz": 9000.0}, r"upper_from_hz must lie below .* 8000 Hz"),
        ({"family": "hash"}, "model.family must be one of hush, conv_ae"),
        ({"family": "unet", "depth": 3}, "model has no key 'depth'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(model: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_model(model)


def test_an_export_that_differs_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_network, "_TOLERANCE", 1e-12)
    with pytest.raises(onnx_file.ExportError, match="nothing was written"):
        segment_network.export_segment_network(_small(family="conv_ae"), CARD, RATE, tmp_path / "small.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "bottleneck"),
    [("unet", (256, 8, 8)), ("unet_22k", (256, 8, 8)), ("latent_ae", (1024, 2, 4))],
)
def test_shipped_shapes_are_those_of_the_originals(name: str, bottleneck: tuple[int, ...]) -> None:
    """What reaches the bottom, and the 2^16 samples and 512 x 256 bins of the latent autoencoder."""
    config = load_config(shipped_config(name))
    network = build_model(config.model).eval()
    assert isinstance(network, SegmentNetwork)
    seen: list[tuple[int, ...]] = []
    bottom: Any = network.bottom if "unet" in name else network.down[-1]  # type: ignore[index]
    bottom.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape[1:])))
    shape = network.config
    with torch.no_grad():
        network(torch.zeros(1, shape.segment_frames, shape.num_bins, 2))
    assert seen == [bottleneck]
    if name == "latent_ae":
        framing = Framing(config.data.sample_rate, shape.frame_ms, shape.overlap)
        assert framing.hop_size * shape.segment_frames == 2**16
        assert (shape.num_bins, shape.segment_frames) == (512, 256)
        assert network.to_code.in_features == 8192  # type: ignore[union-attr]
        assert network.to_code.out_features == 256  # type: ignore[union-attr]


@pytest.mark.parametrize("levels", ["signed", "unit"])
def test_an_angle_is_one_number_and_comes_back(levels: str) -> None:
    """The features of the phase, given back as the output, are the phase."""
    network = _small(family="latent_ae", phase="angle", levels=levels)
    assert isinstance(network, LatentAE)
    generator = torch.Generator().manual_seed(3)
    segments = torch.randn(1, 16, 32, 2, generator=generator) * 0.1
    features = network._features(segments)
    assert features.shape == (1, 2, 16, 32)
    expected = torch.atan2(segments[..., 1], segments[..., 0]) / torch.pi
    torch.testing.assert_close(features[:, 1], expected, atol=1e-5, rtol=0.0)
    assert features[:, 0].min() >= (0.0 if levels == "unit" else -1.0)
    torch.testing.assert_close(network._render(features, segments), segments, atol=1e-5, rtol=1e-3)
    # Silence has the angle 0, not NaN.
    assert network._features(torch.zeros(1, 16, 32, 2))[:, 1].abs().max() == 0.0


def test_up_sampling_repeats_values_before_its_convolution() -> None:
    widen = WidenByConvolution(1, 1)
    with torch.no_grad():
        widen.convolution.weight.copy_(torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]]))
        widen.convolution.bias.zero_()  # type: ignore[union-attr]  # it has one
    x = torch.arange(6.0).reshape(1, 1, 2, 3)
    torch.testing.assert_close(widen(x), functional.interpolate(x, scale_factor=2.0, mode="nearest"))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"family": "unet", "upsampling": "bilinear"}, "upsampling must be one of transposed, convolution"),
        ({"family": "unet", "output": "magnitude"}, "output must be one of mask, spectrogram"),
        ({"family": "latent_ae", "levels": "percent"}, "levels must be one of signed, unit"),
        ({"family": "latent_ae", "phase": "none"}, "phase must be one of noisy, predicted, angle, complex"),
    ],
)
def test_options_that_do_not_exist_are_refused(model: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build_model(SMALL[model["family"]] | model)
