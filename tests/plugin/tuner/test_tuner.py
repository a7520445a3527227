"""The tuner against strings of known pitch: precision, speed, calm, and silence where there is none."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest

from hushgate import ChannelLayoutError, Reading, Tuner
from hushgate.tuner import TUNINGS, Targets, note_name, note_number
from hushgate.tuner.reading import Needle
from hushgate.tuner.string_fit import StringFit
from tests.helpers.strings import PLUCK_S, STRINGS, coloured_noise, pluck

RATE = 48_000
LOW_RATE = 16_000  # a third of the time, where the rate does not matter
DETUNINGS_CENTS = (-37.3, 0.0, 11.1)


def errors_cents(readings: Sequence[Reading], frequency_hz: float) -> np.ndarray:
    shown = [reading.frequency_hz for reading in readings if reading.frequency_hz is not None]
    return 1200.0 * np.log2(np.array(shown) / frequency_hz)


# -- precision ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STRINGS)
def test_detuned_strings_are_read_to_a_tenth_of_a_cent(name: str) -> None:
    nominal_hz, inharmonicity = STRINGS[name]
    all_errors = []
    for seed, cents in enumerate(DETUNINGS_CENTS):
        true_hz = nominal_hz * 2.0 ** (cents / 1200.0)
        readings = Tuner().process(pluck(true_hz, inharmonicity=inharmonicity, seed=seed), RATE)
        shown = [reading for reading in readings if reading.note is not None]
        assert {reading.note for reading in shown} == {name}
        assert float(np.median([reading.cents or 0.0 for reading in shown])) == pytest.approx(cents, abs=0.1)
        all_errors.append(errors_cents(readings, true_hz))
    errors = np.abs(np.concatenate(all_errors))
    assert np.median(errors) < 0.1
    assert np.quantile(errors, 0.95) < 0.5
    assert errors.max() < 10.0


@pytest.mark.parametrize("name", STRINGS)
def test_the_first_reading_comes_within_150_ms_of_the_pluck_and_is_right(name: str) -> None:
    frequency_hz, inharmonicity = STRINGS[name]
    for seed in range(3):
        # At another place between two readings each time.
        sound = pluck(frequency_hz, inharmonicity=inharmonicity, seed=seed, seconds=0.5)[seed * 233 :]
        first = next(reading for reading in Tuner().process(sound, RATE) if reading.note is not None)
        assert first.time_s - (PLUCK_S - seed * 233 / RATE) <= 0.150
        assert abs(errors_cents([first], frequency_hz)[0]) < 10.0


def test_the_reported_pitch_is_the_first_partial_however_stiff_the_string() -> None:
    for inharmonicity in (0.0, 1e-4, 5e-4, 1e-3):
        readings = Tuner().process(pluck(82.407, inharmonicity=inharmonicity), RATE)
        assert np.median(np.abs(errors_cents(readings, 82.407))) < 0.1


def test_a_first_partial_that_cannot_be_heard_is_found_from_the_others() -> None:
    readings = Tuner().process(pluck(41.203, inharmonicity=3e-4, first_partial=0.0), RATE)
    errors = errors_cents(readings, 41.203)
    assert len(errors) > 50
    assert np.median(np.abs(errors)) < 0.5


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100, 96_000, 192_000])
def test_any_sample_rate_gives_the_same_pitch(rate: int) -> None:
    readings = Tuner().process(pluck(110.0, sample_rate=rate, seconds=0.8), rate)
    assert len(readings) == pytest.approx(50 * (PLUCK_S + 0.8), abs=1)
    errors = errors_cents(readings, 110.0)
    assert len(errors) > 25
    assert np.median(np.abs(errors)) < 0.1


@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_notes_in_noise_are_right_most_of_the_time(slope: float) -> None:
    sound = pluck(110.0, seconds=1.5)
    noise = coloured_noise(len(sound), slope, seed=3)
    level = np.std(sound[round(PLUCK_S * RATE) :])
    noise *= level / noise.std() * 10.0 ** (-15.0 / 20.0)
    readings = Tuner().process(sound + noise, RATE)
    errors = np.abs(errors_cents(readings, 110.0))
    assert len(errors) > 0.7 * 50 * 1.5
    assert np.mean(errors < 10.0) > 0.95
    assert np.median(errors) < 3.0


# -- nothing where nothing is -------------------------------------------------------------------


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0, 3.0])
def test_noise_of_any_colour_shows_no_note(slope: float) -> None:
    readings = Tuner().process(coloured_noise(8 * RATE, slope, seed=int(slope)), RATE)
    assert len(readings) == 400
    assert sum(reading.note is None for reading in readings) >= 0.98 * 400


def test_silence_and_sound_below_the_threshold_show_no_note() -> None:
    assert all(reading.note is None for reading in Tuner().process(np.zeros(RATE, np.float32), RATE))
    quiet = 1e-4 * pluck(110.0)
    assert all(reading.note is None for reading in Tuner().process(quiet, RATE))
    assert any(reading.note == "A2" for reading in Tuner(threshold_db=-110.0).process(quiet, RATE))


def test_samples_that_are_no_numbers_count_as_silence() -> None:
    sound = pluck(110.0)
    sound[RATE // 2] = np.nan
    sound[RATE // 2 + 1] = np.inf
    assert np.median(np.abs(errors_cents(Tuner().process(sound, RATE), 110.0))) < 0.1


# -- streaming ----------------------------------------------------------------------------------


def read_in_blocks(tuner: Tuner, sound: np.ndarray, rate: int, block_size: int) -> list[Reading]:
    starts = range(0, len(sound), block_size)
    blocks = (sound[start : start + block_size] for start in starts)
    return [reading for block in blocks for reading in tuner.process(block, rate, reset=False)]


@pytest.mark.parametrize("block_size", [1, 480, 511, 4096, 200_000])
def test_readings_do_not_depend_on_block_size(block_size: int) -> None:
    rate = 8000 if block_size == 1 else RATE
    sound = pluck(196.0, sample_rate=rate, seconds=0.5)
    assert read_in_blocks(Tuner(), sound, rate, block_size) == Tuner().process(sound, rate)


def test_time_goes_on_between_blocks_and_starts_again_after_reset() -> None:
    tuner = Tuner(readings_per_s=20.0)
    silence = np.zeros(RATE // 2, np.float32)
    assert [reading.time_s for reading in tuner.process(silence, RATE)][::9] == [0.05, 0.5]
    assert tuner.process(silence, RATE, reset=False)[-1].time_s == 1.0
    tuner.reset()
    assert tuner.process(silence, RATE, reset=False)[-1].time_s == 0.5


def test_channels_are_heard_together_in_any_layout() -> None:
    sound = pluck(110.0, seconds=0.5)
    mono = Tuner().process(sound, RATE)
    for stereo in (
        np.stack([sound, sound]),
        np.stack([sound, sound]).T,
        np.stack([sound, sound]).T.astype(float),
    ):
        assert Tuner().process(stereo, RATE) == mono
    assert Tuner().process(np.empty((2, 0), np.float32), RATE) == []


def test_two_plucks_on_different_strings_show_both_without_anything_between() -> None:
    first, second = pluck(82.407, seconds=1.0), pluck(110.0, seconds=1.0)
    second = second[round(PLUCK_S * RATE) :]
    sound = np.concatenate([first, second])
    sound[len(first) :] += 0.3 * pluck(82.407, seconds=2.0)[len(first) : len(sound)]
    notes = [reading.note for reading in Tuner().process(sound, RATE)]
    changes = [note for before, note in zip([None, *notes], notes, strict=False) if note != before]
    assert changes == ["E2", "A2"]


# -- tones that fade, and sustained tones --------------------------------------------------------


def sustained_tone(frequency_hz: float, seconds: float, swell_s: float = 0.1) -> np.ndarray:
    """Silence, then a tone that swells and stays, trembling a little."""
    time = np.arange(round(seconds * LOW_RATE)) / LOW_RATE
    tremble = 1.0 + 0.05 * np.sin(2.0 * np.pi * 5.5 * time)
    tone = sum(np.sin(2.0 * np.pi * frequency_hz * n * time + n * n) / n for n in range(1, 12))
    sound = 0.1 * np.minimum(time / swell_s, 1.0) * tremble * tone
    return np.concatenate([np.zeros(round(PLUCK_S * LOW_RATE)), sound]).astype(np.float32)


def shown_s(readings: Sequence[Reading]) -> np.ndarray:
    return np.array([reading.time_s for reading in readings if reading.frequency_hz is not None])


@pytest.mark.parametrize(
    ("swell_s", "earliest_s", "latest_s"),
    # What begins as sharply as a string has to be believed first.
    [(0.001, 0.2, 0.4), (0.1, 0.0, 0.0), (0.3, 0.0, 0.0)],
)
@pytest.mark.parametrize("frequency_hz", [65.406, 196.0, 659.255])
def test_a_tone_that_goes_on_is_hidden_until_a_string_is_plucked(
    frequency_hz: float, swell_s: float, earliest_s: float, latest_s: float
) -> None:
    sound = sustained_tone(frequency_hz, 3.0, swell_s)
    string = pluck(110.0, sample_rate=LOW_RATE, seconds=1.5)[round(PLUCK_S * LOW_RATE) :]
    both = np.concatenate([sound[: len(sound) - LOW_RATE // 10], string])
    end_s = len(both) / LOW_RATE
    hidden = shown_s(Tuner(sustained=False).process(both, LOW_RATE))
    pluck_s = end_s - len(string) / LOW_RATE
    last_s = hidden[hidden < pluck_s].max(initial=PLUCK_S)
    assert PLUCK_S + earliest_s <= last_s <= PLUCK_S + latest_s
    assert hidden.max() == pytest.approx(end_s, abs=0.02)
    always = shown_s(Tuner().process(both, LOW_RATE))
    # A slow swell is found later.
    assert np.sum((always > PLUCK_S + 0.2) & (always < pluck_s)) > 50 * (2.45 - 0.5 * swell_s)


@pytest.mark.parametrize("frequency_hz", [65.406, 196.0, 659.255])
def test_what_swells_is_shown_once_it_fades(frequency_hz: float) -> None:
    sound = sustained_tone(frequency_hz, 2.0)
    time = np.maximum(np.arange(len(sound)) / LOW_RATE - PLUCK_S - 0.1, 0.0)
    shown = shown_s(Tuner(sustained=False).process((sound * np.exp(-time)).astype(np.float32), LOW_RATE))
    assert PLUCK_S + 0.55 < shown.min() < PLUCK_S + 0.85


@pytest.mark.parametrize("frequency_hz", [65.406, 196.0, 659.255])
def test_what_got_louder_after_its_beginning_stays_hidden_when_it_fades(frequency_hz: float) -> None:
    sound = sustained_tone(frequency_hz, 3.0, swell_s=0.4)
    time = np.maximum(np.arange(len(sound)) / LOW_RATE - PLUCK_S - 1.5, 0.0)
    fading = (sound * np.exp(-time)).astype(np.float32)
    assert len(shown_s(Tuner().process(fading, LOW_RATE))) > 100
    assert len(shown_s(Tuner(sustained=False).process(fading, LOW_RATE))) == 0


@pytest.mark.parametrize("name", STRINGS)
def test_plucked_strings_are_shown_as_long_with_and_without_sustained_tones(name: str) -> None:
    frequency_hz, inharmonicity = STRINGS[name]
    sound = pluck(frequency_hz, inharmonicity=inharmonicity, sample_rate=LOW_RATE, seconds=2.5)
    assert Tuner(sustained=False).process(sound, LOW_RATE) == Tuner().process(sound, LOW_RATE)


def test_a_bass_string_whose_level_beats_after_the_pluck_is_shown() -> None:
    sound = pluck(41.203, inharmonicity=3e-4, sample_rate=LOW_RATE, seconds=1.5)
    time = np.maximum(np.arange(len(sound)) / LOW_RATE - PLUCK_S, 0.0)
    # 14 dB below the pluck; from low to high and back by 7 dB in 0.2 s.
    beating = 0.14 + 0.055 * np.cos(2.0 * np.pi * (time - 0.06) / 0.2)
    level = np.where(time < 0.06, 1.0, beating)
    shown = shown_s(Tuner("bass", sustained=False).process((sound * level).astype(np.float32), LOW_RATE))
    assert len(shown[shown < PLUCK_S + 0.5]) >= 10


@pytest.mark.parametrize("is_damped", [False, True])
@pytest.mark.parametrize("frequency_hz", [82.407, 329.6])
def test_a_string_picked_four_times_a_second_is_shown_though_its_level_stays(
    frequency_hz: float, is_damped: bool
) -> None:
    sound = np.zeros(4 * LOW_RATE, np.float32)
    damping = np.exp(-np.arange(len(sound)) / (0.005 * LOW_RATE)).astype(np.float32)
    for seed, start in enumerate(range(0, 3 * LOW_RATE, LOW_RATE // 4)):
        stroke = pluck(frequency_hz, sample_rate=LOW_RATE, seconds=4.0, seed=seed)
        stroke = stroke[round(PLUCK_S * LOW_RATE) :][: len(sound) - start]
        if is_damped:
            sound[start:] *= damping[: len(sound) - start]
        sound[start:] += stroke
    readings = Tuner(sustained=False).process(sound, LOW_RATE)
    assert all(reading.frequency_hz is not None for reading in readings if 0.5 < reading.time_s < 3.0)


@pytest.mark.parametrize("block_size", [479, 4096])
def test_what_is_hidden_does_not_depend_on_block_size(block_size: int) -> None:
    sound = sustained_tone(196.0, 2.0, swell_s=0.001)
    tuner = Tuner(sustained=False)
    whole = tuner.process(sound, LOW_RATE)
    tuner.reset()
    assert read_in_blocks(tuner, sound, LOW_RATE, block_size) == whole


# -- the needle ---------------------------------------------------------------------------------


def needle(readings_per_s: float = 50.0, hold_ms: float = 250.0) -> Needle:
    return Needle(Targets(), readings_per_s=readings_per_s, hold_ms=hold_ms)


def feed(shown: Needle, values: Sequence[float | None], confidence: float = 0.9) -> list[Reading]:
    fits = [None if hz is None else StringFit(hz, 0.0, confidence) for hz in values]
    return [shown.step(0.02 * index, fit) for index, fit in enumerate(fits)]


def test_one_estimate_alone_shows_nothing() -> None:
    readings = feed(needle(), [None, 440.0, None, 440.0, 550.0, 700.0, None])
    assert all(reading.note is None for reading in readings)


def test_a_note_is_held_for_250_ms_and_marked_so() -> None:
    readings = feed(needle(), [440.0] * 10 + [None] * 20)
    notes = [reading.note for reading in readings]
    assert notes[:2] == [None, None]
    assert notes[2:22] == ["A4"] * 20  # 8 that sound and 12 held: 240 ms
    assert notes[22:] == [None] * 8
    assert [reading.is_held for reading in readings] == [False] * 10 + [True] * 12 + [False] * 8
    assert feed(needle(hold_ms=0.0), [440.0] * 5 + [None])[-1].note is None


def test_a_stray_octave_does_not_move_the_needle_and_a_new_note_does() -> None:
    readings = feed(needle(), [440.0] * 8 + [880.0] * 3 + [440.0] * 5)
    assert {reading.frequency_hz for reading in readings[3:]} == {440.0}
    readings = feed(needle(), [440.0] * 8 + [880.0] * 10)
    assert readings[-1].note == "A5"
    readings = feed(needle(), [440.0] * 8 + [466.16] * 5)
    assert readings[-1].note == "A#4"
    assert readings[10].note == "A#4"


def test_the_needle_is_calmer_than_what_moves_it() -> None:
    rng = np.random.default_rng(4)
    shaky = [440.0 * 2.0 ** (cents / 1200.0) for cents in rng.normal(0.0, 10.0, 200)]
    shown = np.array([reading.cents for reading in feed(needle(), shaky)[12:]], dtype=float)
    assert shown.std() < 5.0


def test_the_name_of_a_note_does_not_flicker_between_two() -> None:
    middle = 440.0 * 2.0 ** (0.5 / 12.0)
    wobble = [middle * 2.0 ** (cents / 1200.0) for cents in (3.0, -3.0) for _ in range(12)] * 4
    assert len({reading.note for reading in feed(needle(), wobble)[3:]}) == 1
    assert feed(needle(), [*wobble, *[466.0] * 20])[-1].note == "A#4"


def test_weak_confidence_keeps_a_note_but_does_not_start_one() -> None:
    assert all(reading.note is None for reading in feed(needle(), [440.0] * 20, confidence=0.4))
    shown = needle()
    feed(shown, [440.0] * 5)
    assert all(reading.note == "A4" for reading in feed(shown, [440.0] * 40, confidence=0.4))


# -- notes and tunings --------------------------------------------------------------------------


def test_names_of_notes_go_both_ways() -> None:
    assert [note_name(note_number(name)) for name in ("C-1", "E2", "A4", "G9")] == ["C-1", "E2", "A4", "G9"]
    assert note_number("Bb3") == note_number("A#3") == note_number("a\u266f3")


@pytest.mark.parametrize("tuning", TUNINGS)
def test_every_tuning_shows_each_of_its_strings(tuning: str) -> None:
    targets = Targets(tuning)
    for name in TUNINGS[tuning] or ("E2", "G#5"):
        frequency_hz = 440.0 * 2.0 ** ((note_number(name) - 69) / 12.0)
        assert targets.nearest(frequency_hz * 1.01).name == name
        assert targets.nearest(frequency_hz).cents(frequency_hz) == pytest.approx(0.0, abs=1e-6)


def test_a_string_far_off_is_shown_against_the_nearest_string() -> None:
    reading = Tuner("guitar").process(pluck(75.0), RATE)[-1]
    assert reading.note == "E2"
    assert reading.cents == pytest.approx(1200.0 * math.log2(75.0 / 82.4069), abs=0.1)
    assert Tuner(["D2", "A2"]).process(pluck(75.0), RATE)[-1].note == "D2"


def test_concert_pitch_and_transposition_move_the_targets() -> None:
    sound = pluck(442.0, inharmonicity=0.0)
    assert Tuner(a4_hz=442.0).process(sound, RATE)[-1].cents == pytest.approx(0.0, abs=0.1)
    reading = Tuner(transpose=2).process(sound, RATE)[-1]
    assert reading.note == "G4"
    assert reading.cents == pytest.approx(7.85, abs=0.1)
    (reading,) = Tuner("D2, A2,D3").process(pluck(110.5), RATE)[-1:]  # as --tuning takes them
    assert reading.note == "A2"
    capo = Tuner("guitar", transpose=2).process(pluck(92.499), RATE)[-1]
    assert (capo.note, capo.cents) == ("E2", pytest.approx(0.0, abs=0.1))  # type: ignore[comparison-overlap]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"a4_hz": 100.0}, r"a4_hz must be between 380.0 and 500.0 Hz \(got 100.0\)"),
        ({"a4_hz": math.nan}, "a4_hz must be between"),
        ({"tuning": "banana"}, "tuning must be one of chromatic, guitar, "),
        ({"tuning": ["H2"]}, r"a note must be a letter A to G.*\(got 'H2'\)"),
        ({"tuning": []}, "tuning must hold at least one note"),
        ({"transpose": 50}, r"transpose must be between -36 and 36 semitones \(got 50\)"),
        ({"readings_per_s": 0.0}, r"readings_per_s must be between 5.0 and 200.0 Hz \(got 0.0\)"),
        ({"hold_ms": -1.0}, "hold_ms must be between"),
        ({"threshold_db": 3.0}, "threshold_db must be between"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Tuner(**settings)  # type: ignore[arg-type]


def test_what_is_no_sound_is_refused() -> None:
    with pytest.raises(TypeError, match="whole number of semitones"):
        Tuner(transpose=1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"sustained must be True or False \(got 'no'\)"):
        Tuner(sustained="no")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"sample_rate must be at least 4000 Hz \(got 2000\)"):
        Tuner().process(np.zeros(100, np.float32), 2000)
    with pytest.raises(TypeError, match="float32 or float64"):
        Tuner().process(np.zeros(100, np.int16), RATE)  # type: ignore[arg-type]
    with pytest.raises(ChannelLayoutError):
        Tuner().process(np.zeros((1, 2, 3), np.float32), RATE)


def test_the_tuner_needs_no_model_and_no_pedalboard() -> None:
    code = (
        "import sys; from hushgate import Tuner; Tuner(); "
        "print([m for m in ('onnxruntime', 'pedalboard', 'torch', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
