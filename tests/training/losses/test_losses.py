"""Loss terms: right in the cases one can work out, zero at the best, and silent where they must be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")

from hushgate.training import losses  # noqa: E402
from hushgate.training.config.schema import LOSS_TERMS, Config, LossConfig  # noqa: E402
from hushgate.training.evaluate.measures.base import Item  # noqa: E402
from hushgate.training.models.torch_framing import Framing  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor


RATE = 16_000
OFF = {"magnitude": 0.0, "complex": 0.0, "snr": 0.0}
# The others compare an estimate with its target, for every example.
PLAIN_TERMS = [name for name in LOSS_TERMS if name not in ("opinion", "adversarial", "feature_matching")]


def _total(name: str, estimate: Tensor, target: Tensor) -> Tensor:
    if name == "opinion":
        pytest.importorskip("speechmos", reason="the extra hushgate[evaluate] brings speechmos")
    if name == "multi_resolution":
        pytest.importorskip("auraloss", reason="the extra hushgate[train] brings auraloss")
    framing = Framing(RATE, 32.0, 2)
    loss = losses.DenoisingLoss(LossConfig(**{**OFF, name: 2.0}), RATE)  # type: ignore[arg-type]
    total, terms = loss(estimate, target, framing.analyse(estimate), framing.analyse(target))
    assert name in terms
    torch.testing.assert_close(total, 2.0 * terms[name])
    return total


@pytest.fixture
def sounds() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 8_000, generator=generator), torch.randn(2, 8_000, generator=generator)


@pytest.mark.parametrize("name", PLAIN_TERMS)
def test_every_term_prefers_the_better_estimate(name: str, sounds: tuple[Tensor, Tensor]) -> None:
    target, noise = sounds
    if name == "silence":
        target = torch.zeros_like(target)
    values = [float(_total(name, target + level * noise, target)) for level in (0.0, 0.1, 0.4, 1.0)]
    assert values == sorted(set(values))
    if name not in ("snr", "si_sdr", "silence"):
        assert values[0] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("name", [*PLAIN_TERMS, "opinion"])
def test_silent_targets_have_finite_losses_and_gradients(name: str) -> None:
    estimate = torch.full((2, 4_000), 1e-3, requires_grad=True)
    target = torch.stack([torch.zeros(4_000), torch.randn(4_000)])
    total = _total(name, estimate, target)
    total.backward()
    assert bool(torch.isfinite(total))
    assert estimate.grad is not None
    assert bool(torch.isfinite(estimate.grad).all())


@pytest.mark.parametrize("name", PLAIN_TERMS)
def test_halves_of_a_batch_average_to_the_whole(name: str) -> None:
    """What lets processes share a batch; one of the four examples has no target to relate anything to."""
    torch.manual_seed(2)
    target, noise = torch.randn(4, 4_000), torch.randn(4, 4_000)
    target[1] = 0.0
    estimate = target + 0.3 * noise
    framing = Framing(RATE, 32.0, 2)
    if name == "multi_resolution":
        pytest.importorskip("auraloss", reason="the extra hushgate[train] brings auraloss")
    loss = losses.DenoisingLoss(LossConfig(**{**OFF, name: 1.0}), RATE)  # type: ignore[arg-type]

    def total(part: slice, mean_count: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        spectra = framing.analyse(estimate[part]), framing.analyse(target[part])
        return loss(estimate[part], target[part], *spectra, mean_count)[0]

    halves = [total(part, lambda count: torch.tensor(1.5)) for part in (slice(0, 2), slice(2, 4))]
    torch.testing.assert_close((halves[0] + halves[1]) / 2, total(slice(0, 4)))


def test_ratios_are_what_they_say(sounds: tuple[Tensor, Tensor]) -> None:
    target, noise = sounds
    noisy = target + 0.1 * noise
    assert losses.signal_to_noise_loss(noisy, target, 60.0) == pytest.approx([-20.0, -20.0], abs=0.4)
    # Half the level costs SNR, never SI-SDR.
    assert losses.signal_to_noise_loss(0.5 * target, target, 60.0) == pytest.approx([-6.0, -6.0], abs=0.1)
    assert losses.si_sdr_loss(0.5 * noisy, target, 60.0) == pytest.approx(
        losses.si_sdr_loss(noisy, target, 60.0), abs=1e-3
    )


def test_what_is_left_of_silence_counts_in_db() -> None:
    left = torch.randn(1, 8_000, generator=torch.Generator().manual_seed(0))
    loss = losses.DenoisingLoss(LossConfig(**{**OFF, "silence": 1.0, "snr_ceiling_db": 60.0}), RATE)  # type: ignore[arg-type]
    framing = Framing(RATE, 32.0, 2)

    def total(estimate: Tensor, target: Tensor) -> float:
        return float(loss(estimate, target, framing.analyse(estimate), framing.analyse(target))[0])

    silence = torch.zeros_like(left)
    assert total(0.1 * left, silence) == pytest.approx(-20.0, abs=0.2)
    # Where something is to be kept it says nothing.
    assert total(0.1 * left, left) == 0.0


def test_quiet_passages_count_more_in_the_weighted_error_alone() -> None:
    """The same error in a quiet and in a loud frame."""
    target = torch.full((1, 2, 8, 2), 0.5)
    target[:, 1] = 0.005
    errors = {}
    for frame in (0, 1):
        estimate = target.clone()
        estimate[:, frame] += 0.1
        errors[frame] = (
            float(losses.magnitude_loss(estimate, target)),
            float(losses.quiet_magnitude_loss(estimate, target)),
        )
    assert errors[0][0] == pytest.approx(errors[1][0], rel=0.1)
    assert errors[1][1] > 10 * errors[0][1]


def test_level_mse_is_the_error_of_the_scaled_decibels() -> None:
    target = torch.rand(2, 3, 5, 2) * 0.1 + 0.05
    # 20 dB are a tenth of -100 to 100 dB.
    assert float(losses.level_mse_loss(target * 10.0, target).mean()) == pytest.approx(0.01, rel=1e-4)
    assert float(losses.level_mse_loss(target * 1e-9, target * 1e-8).mean()) < 1e-6


def test_log_magnitude_measures_ratios() -> None:
    target = torch.rand(1, 4, 8, 2) + 0.1
    assert float(losses.log_magnitude_loss(target * torch.e, target)) == pytest.approx(1.0, abs=1e-3)
    quiet = target * 1e-3
    assert float(losses.log_magnitude_loss(quiet * 0.01, quiet)) > 4.0
    assert float(losses.log_magnitude_loss(quiet * 0.01, quiet, floor_db=-20.0)) < 1e-3
    with pytest.raises(ValueError, match=r"log_floor_db must be -160 to 0, dB \(got 6\)"):
        LossConfig(log_floor_db=6.0)


def test_multi_resolution_distance_is_auraloss_of_each_example(
    sounds: tuple[Tensor, Tensor],
) -> None:
    auraloss = pytest.importorskip("auraloss", reason="the extra hushgate[train] brings auraloss")
    target, noise = sounds
    estimate = target + torch.tensor([[0.1], [1.0]]) * noise
    theirs = auraloss.freq.MultiResolutionSTFTLoss(
        fft_sizes=[512, 1024, 256], hop_sizes=[80, 160, 34], win_lengths=[400, 800, 160]
    )
    expected = [theirs(estimate[i, None, None], target[i, None, None]) for i in range(2)]
    torch.testing.assert_close(losses.MultiResolutionLoss(RATE)(estimate, target), torch.stack(expected))


def _voice(seconds: float) -> Tensor:
    """Speech to PESQ and DNSMOS: a gliding tone with harmonics, in syllables with pauses."""
    time = torch.arange(round(seconds * RATE)) / RATE
    phase = 2.0 * torch.pi * (130.0 * time + 8.0 * torch.sin(2.0 * torch.pi * 0.5 * time))
    tone = torch.stack([torch.sin(n * phase) / n for n in range(1, 25)]).sum(0)
    result: Tensor = tone * torch.sin(2.0 * torch.pi * 1.5 * time).clamp(min=0.0)
    return result


def test_perceptual_disturbance_is_that_of_pesq() -> None:
    """Through P.862.2's map to scores, it gives what the reference implementation gives."""
    pesq = pytest.importorskip("pesq", reason="the extra hushgate[evaluate] brings pesq")
    generator = torch.Generator().manual_seed(0)
    clean = 0.1 * _voice(6.0)
    hiss = torch.randn(len(clean), generator=generator)
    loss = losses.PerceptualLoss(RATE)
    scores = []
    for level in (1e-4, 3e-4, 1e-3, 3e-3, 1e-2):
        noisy = clean + level * hiss
        disturbance = float(loss(noisy[None], clean[None]))
        ours = 0.999 + 4.0 / (1.0 + math.exp(-1.3669 * (4.5 - disturbance) + 3.8224))
        reference = pesq.pesq(RATE, clean.numpy(), noisy.numpy(), "wb")
        scores.append(reference)
        assert ours == pytest.approx(reference, abs=0.15)
    assert scores[0] - scores[-1] > 2.0


def test_the_first_examples_may_stand_for_all() -> None:
    def perceptual(estimate: Tensor, target: Tensor, examples: int) -> float:
        config = LossConfig(magnitude=0.0, complex=0.0, snr=0.0, perceptual=1.0, perceptual_examples=examples)
        spectra = torch.zeros(len(target), 1, 1, 2)
        return float(losses.DenoisingLoss(config, 16_000)(estimate, target, spectra, spectra)[0])

    generator = torch.Generator().manual_seed(0)
    target = torch.randn(4, 16_000, generator=generator) * torch.linspace(0.0, 1.0, 16_000)
    estimate = target + 0.3 * torch.randn(4, 16_000, generator=generator)
    assert perceptual(estimate, target, 2) == pytest.approx(perceptual(estimate[:2], target[:2], 0), rel=1e-5)
    for more in (4, 9):
        assert perceptual(estimate, target, more) == pytest.approx(perceptual(estimate, target, 0), rel=1e-5)


def test_perceptual_disturbance_hears_the_same_at_every_level_and_rate() -> None:
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(1, RATE, generator=generator)
    noise = torch.randn(1, RATE, generator=generator)
    expected = losses.PerceptualLoss(RATE)(target + 0.3 * noise, target)
    quiet = losses.PerceptualLoss(RATE)(0.01 * (target + 0.3 * noise), 0.01 * target)
    torch.testing.assert_close(quiet, expected, rtol=1e-3, atol=0.0)
    # Twice the rate by repetition in frequency: nothing above 8 kHz.
    spectra = [torch.fft.rfft(one) for one in (target + 0.3 * noise, target)]
    both = [2.0 * torch.fft.irfft(one, 2 * RATE) for one in spectra]
    doubled = losses.PerceptualLoss(2 * RATE)(both[0], both[1])
    torch.testing.assert_close(doubled, expected, rtol=0.02, atol=0.0)
    with pytest.raises(ValueError, match=r"needs data\.sample_rate 16000 Hz or more \(got 8000\)"):
        losses.PerceptualLoss(8_000)


def test_opinion_is_the_score_of_dnsmos_for_the_examples_that_are_judged() -> None:
    pytest.importorskip("speechmos", reason="the extra hushgate[evaluate] brings speechmos")
    from hushgate.training.evaluate.measures.dnsmos import Dnsmos

    generator = torch.Generator().manual_seed(0)
    clean = _voice(9.01)
    clean = clean * (10.0 ** (-26.0 / 20.0) / clean.square().mean().sqrt())
    estimates = torch.stack([clean, clean + 0.01 * torch.randn(len(clean), generator=generator), clean])
    loss = losses.OpinionLoss(RATE, num_judged=2)
    with torch.no_grad():
        values = loss(estimates, clean.expand(3, -1))
    dnsmos = Dnsmos()
    for value, estimate in zip(values[:2], estimates[:2], strict=True):
        item = Item("voice", clean.numpy()[None], estimate.numpy()[None], RATE)
        expected = dnsmos(item, estimate.numpy()[None])["dnsmos_ovr"]
        assert 5.0 - float(value) * 2 / 3 == pytest.approx(expected, abs=2e-3)
    assert float(values[2]) == 0.0
    short, target = estimates[:, :RATE].clone().requires_grad_(), clean[:RATE].expand(3, -1)
    values = loss(short, target)
    values.sum().backward()
    assert short.grad is not None
    assert (short.grad.abs().amax(1) > 0.0).tolist() == [True, True, False]
    # Louder or quieter, the opinion is the same.
    torch.testing.assert_close(loss(0.1 * short, 0.1 * target), values)
    with pytest.raises(ValueError, match=r"needs data\.sample_rate 16000 Hz \(got 44100\)"):
        losses.OpinionLoss(44_100, 2)


def test_opinion_says_which_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"loss\.opinion needs the package speechmos: pip install"):
        losses.OpinionLoss(RATE, 2)


@pytest.mark.parametrize("kind", ["hinge", "least_squares"])
def test_the_discriminator_learns_and_the_denoiser_is_pulled_to_its_clean_side(kind: str) -> None:
    torch.manual_seed(0)
    discriminator = losses.Discriminator(4_000, 4)
    optimizer = torch.optim.Adam(discriminator.parameters(), 3e-3)
    time = torch.arange(2_000) / 4_000
    clean = torch.sin(2 * torch.pi * torch.tensor([[300.0], [500.0]]) * time)
    noisy = clean + 0.5 * torch.randn(2, 2_000)
    before = losses.discriminator_loss(discriminator(clean), discriminator(noisy), kind).item()
    for _ in range(25):
        optimizer.zero_grad()
        loss = losses.discriminator_loss(discriminator(clean), discriminator(noisy), kind)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.7 * before
    of_noisy, of_clean = discriminator(noisy), discriminator(clean)
    assert losses.generator_loss(of_clean, kind) < losses.generator_loss(of_noisy, kind)
    assert losses.feature_distance(of_clean, of_noisy) > 0.0
    assert losses.feature_distance(of_clean, of_clean) == 0.0


def test_weights_are_checked_when_they_are_set() -> None:
    with pytest.raises(ValueError, match=r"mse must be a weight of 0 or more \(got -1.0\)"):
        LossConfig(mse=-1.0)
    with pytest.raises(ValueError, match="must be above 0"):
        LossConfig(**OFF)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs a discriminator"):
        LossConfig(feature_matching=1.0)
    with pytest.raises(ValueError, match="adversarial_kind must be one of hinge, least_squares"):
        LossConfig(adversarial_kind="wasserstein")
    with pytest.raises(ValueError, match="loss: snr must be a weight"):
        Config.from_dict({"loss": {"snr": -2.0}})


def test_terms_without_weight_are_not_computed() -> None:
    torch.manual_seed(0)
    target = torch.randn(1, 4_000)
    spectrum = Framing(RATE, 32.0, 2).analyse(target)
    _, terms = losses.DenoisingLoss(LossConfig(), RATE)(target, target, spectrum, spectrum)
    assert set(terms) == {"magnitude", "complex", "snr"}
