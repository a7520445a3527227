"""The effect's promises (tests/engine/test_denoiser.py), kept by an untrained model of every family."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")
nn = torch.nn

from hushgate.engine import Model, load_model  # noqa: E402
from hushgate.training.config.schema import CardConfig  # noqa: E402
from hushgate.training.exporting.segment_network import export_segment_network  # noqa: E402
from hushgate.training.models import FAMILIES, LatentAE, SegmentNetwork, WaveAE, build_model  # noqa: E402
from tests.engine.test_block_denoiser import (  # noqa: E402, F401
    test_absurdly_loud_sound_leaves_no_trace_in_the_state,
    test_any_number_of_channels_and_back_to_the_first,
    test_blocks_larger_than_prepared_are_accepted,
    test_changing_rate_and_channels_without_reset_starts_afresh,
    test_denoised_and_residual_sum_to_the_aligned_input,
    test_dual_mono_is_the_mono_result_in_both_channels,
    test_fading_sound_gives_no_denormals,
    test_flush_returns_the_last_latency_samples_and_resets,
    test_independent_channels_do_not_hear_each_other,
    test_linked_channels_in_opposite_phase_are_not_lost,
    test_linked_channels_keep_their_balance,
    test_mix_0_is_reached_exactly_after_a_ramp,
    test_mix_0_is_the_aligned_input_bit_for_bit,
    test_mix_and_limit_blend_the_aligned_input_with_the_wet_sound,
    test_output_does_not_depend_on_block_size,
    test_output_does_not_depend_on_blocks_of_one_sample,
    test_preparing_the_same_format_again_keeps_the_sound,
    test_random_settings_every_32_samples_stay_finite,
    test_reset_equals_a_new_object_and_two_runs_agree,
    test_samples_that_are_not_finite_count_as_zero_and_are_counted,
    test_settings_made_before_the_sound_need_no_ramp,
    test_silence_stays_silence_also_after_sound,
    test_what_process_returns_belongs_to_the_caller,
)
from tests.helpers.small_models import SMALL  # noqa: E402

SEGMENTS = sorted(FAMILIES.keys() - {"hush"})


@pytest.fixture(scope="module", params=[*SEGMENTS, "latent_ae:predicted", "latent_ae:complex"])
def any_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Short frames, since the promises are tested with sounds of half a second, and an audible answer."""
    family, _, phase = request.param.partition(":")
    torch.manual_seed(0)
    model = SMALL[family] | {"family": family}
    if family != "wave_ae":
        model["frame_ms"] = 16.0
    if phase:
        model["phase"] = phase
    network = build_model(model)
    assert isinstance(network, SegmentNetwork)
    with torch.no_grad():
        if isinstance(network, LatentAE):
            nn.init.constant_(network.last.bias, 0.2 if phase == "complex" else -0.35)
        if isinstance(network, WaveAE):
            window = torch.randn(1, network.num_samples)
            gain = window.norm() / network(window)[0].norm()
            last = network.up[-1]
            assert isinstance(last, nn.Linear)
            last.weight.mul_(gain)
            last.bias.mul_(gain)
    path = tmp_path_factory.mktemp("family") / "small.onnx"
    export_segment_network(network, CardConfig(name=family, licence="MIT"), 4000, path)
    return load_model(path)
