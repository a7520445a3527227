"""Tables of a training configuration that define its mixtures: recordings, examples, and random choices."""

from __future__ import annotations

from dataclasses import dataclass

from hushgate.training.synthesis.noises import GENERATORS

ANY_SYNTHESIZED = "synthesized"
FILLS = ("join", "loop", "pad")
SNR_SHAPES = ("triangular", "uniform")
SNR_DEFINITIONS = ("file", "active")
_PROBABILITIES = (
    "equalizer", "room", "band_limit", "clip", "floor", "second_noise", "moving_noise", "noise_only",
    "clean_only", "quiet", "second_target", "drive", "cabinet", "breaks", "voice_change", "channel", "pairs",
)  # fmt: skip


def names_generator(kind: str) -> bool:
    """Return True for the name of a generator, and for any of them."""
    return kind == ANY_SYNTHESIZED or kind in GENERATORS


def check_band(band_hz: tuple[float, float]) -> None:
    """Refuse a band to keep that does not rise, Hz; (0, 0) keeps everything.

    Raises:
        ValueError: It does not rise, or begins below 0 Hz.
    """
    low, high = band_hz
    if any(band_hz) and not 0.0 <= low < high:
        raise ValueError(f"band_hz must be 0 or more and rise, Hz (got {low:g} to {high:g}).")


@dataclass(frozen=True)
class SourceSpec:
    """One source of targets or noises.

    Args:
        kind: Kind of the recordings in the manifest, or the name of a generator in `synthesis.noises`, or
            "synthesized" for any generator at random.
        prefix: Only recordings whose path in the manifest starts like this.
        weight: How often this source is chosen against its neighbours.
        voices: Fewest and most segments added up (4 to 8 voices of speech make babble).
        pause_s: Shortest and longest silence between joined recordings, s.
        fill: What follows a recording that is too short: "join" more of its label, "loop" it, or "pad" with
            silence. Longer ones are cut at a random place.
        layer: Of noises: one source of every layer is in every mixture, chosen by weight within its layer.
        band_hz: Keep only this band, Hz; (0, 0) keeps everything.
    """

    kind: str
    prefix: str = ""
    weight: float = 1.0
    voices: tuple[int, int] = (1, 1)
    pause_s: tuple[float, float] = (0.0, 0.5)
    fill: str = "join"
    layer: int = 0
    band_hz: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if self.fill not in FILLS:
            raise ValueError(f"fill must be one of {', '.join(FILLS)} (got {self.fill!r}).")
        check_band(self.band_hz)

    @property
    def pool(self) -> tuple[str, str]:
        """Sources that share a kind and prefix share one pool of recordings."""
        return (self.kind, self.prefix)

    @property
    def is_synthesized(self) -> bool:
        """True for a generator, which needs no recordings."""
        return names_generator(self.kind)

    def takes(self, kind: str, name: str) -> bool:
        """Whether a recording of this kind and name, its path in the manifest, belongs to the source."""
        return kind == self.kind and name.startswith(self.prefix)


@dataclass(frozen=True)
class DataConfig:
    """Recordings and the shape of an example.

    Args:
        folders: Folders with a manifest.csv, manifests, or plain folders of audio.
        sample_rate: Rate of the training audio, Hz.
        segment_s: Length of an example, s.
        mix_rate: Rate at which examples are mixed from a stock, Hz, a multiple of `sample_rate` (see
            `FullBandMixer`); a network that hears bands above its bins needs it. 0 mixes at `sample_rate`.
        val_examples: Mixtures in the validation set, the same every time.
        cache: Folder for decoded recordings; "" keeps them in memory.
    """

    folders: tuple[str, ...] = ()
    sample_rate: int = 16_000
    segment_s: float = 3.0
    mix_rate: int = 0
    val_examples: int = 64
    cache: str = ""

    def __post_init__(self) -> None:
        for name, least in (("sample_rate", 1), ("mix_rate", 0), ("val_examples", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be {least} or more (got {getattr(self, name)}).")
        if not self.segment_s > 0.0:
            raise ValueError(f"segment_s must be above 0 s (got {self.segment_s:g}).")

    @property
    def mixture_rate(self) -> int:
        """Rate of the mixtures, Hz: `mix_rate` where it is set."""
        return self.mix_rate or self.sample_rate


@dataclass(frozen=True)
class MixConfig:
    """Random choices of a mixture. Probabilities are 0..1.

    With `data.mix_rate`, `second_target`, `drive`, `cabinet`, `breaks` and `pairs` must be 0.

    Args:
        targets, noises: What to keep and what to remove.
        snr_db: Lowest, most likely and highest SNR, dB.
        snr_shape: Its distribution, "triangular" or "uniform" (which ignores the middle value).
        snr_of: What the SNR compares with the noise: "active", the target's windows of 20 ms within 30 dB of
            its loudest, or "file", all of the target, pauses too.
        level_db: Lowest and highest level of the active target, dBFS.
        speed: Lowest and highest factor of speed and pitch.
        equalizer, equalizer_db: Probability and range of random equalizing, of target and noise apart.
        room: Probability of a room, for target and noise apart; the room stays in the target.
        room_kind: Kind of the manifest's room responses; without one they are synthesized.
        band_limit: Probability that the mixture has a narrower band (telephone, codec, small microphone);
            with `data.mix_rate` it is cut off at the top only.
        clip: Probability of clipped peaks.
        floor: Probability of a faint white floor in the mixture, -100 to -70 dBFS, which the SNR leaves out.
        second_noise: Probability of a second noise on top.
        moving_noise: Probability that a noise swells and fades.
        noise_only, clean_only: Share of examples without target, and without noise.
        quiet, quiet_db: Probability of a quiet copy, and how far below `level_db` it lies, dB; the SNR stays.
        second_target: Probability of another target on top, and of another on top of that.
        drive: Probability that a target is overdriven: distorted guitars and loud masters sound like noise
            and must stay.
        cabinet: Probability that an overdriven part of it passes a simulated guitar loudspeaker.
        breaks: Probability that the target pauses or is quiet once or twice, while the noise continues.
        stock: With `data.mix_rate`: voices and noises that are made once and used again.
        voice_change: With `data.mix_rate`: probability that a voice whispers, shouts, sings or is a child's.
        channel: With `data.mix_rate`: probability of a telephone, codec, lost packets or overload.
        room_early_ms: With `data.mix_rate`: what a room adds within this time stays in the target, ms.
        pairs: Share of examples that are pairs of the manifest (column noisy): cut and levelled, not mixed.
    """

    targets: tuple[SourceSpec, ...] = ()
    noises: tuple[SourceSpec, ...] = ()
    snr_db: tuple[float, float, float] = (-8.0, 4.0, 25.0)
    snr_shape: str = "triangular"
    snr_of: str = "active"
    level_db: tuple[float, float] = (-48.0, -14.0)
    speed: tuple[float, float] = (0.85, 1.18)
    equalizer: float = 0.5
    equalizer_db: float = 8.0
    room: float = 0.25
    room_kind: str = ""
    band_limit: float = 0.12
    clip: float = 0.03
    floor: float = 0.5
    second_noise: float = 0.35
    moving_noise: float = 0.4
    noise_only: float = 0.03
    clean_only: float = 0.04
    quiet: float = 0.0
    quiet_db: tuple[float, float] = (-24.0, -6.0)
    second_target: float = 0.0
    drive: float = 0.0
    cabinet: float = 0.0
    breaks: float = 0.0
    stock: int = 4000
    voice_change: float = 0.0
    channel: float = 0.0
    room_early_ms: float = 50.0
    pairs: float = 0.0

    def __post_init__(self) -> None:
        if self.snr_shape not in SNR_SHAPES:
            raise ValueError(f"snr_shape must be one of {', '.join(SNR_SHAPES)} (got {self.snr_shape!r}).")
        if self.snr_of not in SNR_DEFINITIONS:
            raise ValueError(f"snr_of must be one of {', '.join(SNR_DEFINITIONS)} (got {self.snr_of!r}).")
        for name in _PROBABILITIES:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be between 0 and 1 (got {getattr(self, name):g}).")
        for name in ("equalizer_db", "room_early_ms"):
            if not getattr(self, name) >= 0.0:
                raise ValueError(f"{name} must be 0 or more (got {getattr(self, name):g}).")
        if self.stock < 1:
            raise ValueError(f"stock must be 1 or more (got {self.stock}).")
        for name, low, high in (("level_db", *self.level_db), ("quiet_db", *self.quiet_db)):
            if not low <= high:
                raise ValueError(f"{name} must rise, dB (got {low:g} to {high:g}).")
        if not 0.0 < self.speed[0] <= self.speed[1]:
            raise ValueError(
                f"speed must rise from above 0 (got {self.speed[0]:g} to {self.speed[1]:g}). 1 is unchanged."
            )
        if not self.snr_db[0] <= self.snr_db[1] <= self.snr_db[2]:
            raise ValueError(f"snr_db must rise, dB (got {', '.join(f'{v:g}' for v in self.snr_db)}).")
        if self.second_target == 1.0:
            raise ValueError("second_target must be below 1 (got 1), with which a mixture never ends.")
