#include "hushgate.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "block_denoiser.h"
#include "denormals.h"
#include "hush_network.h"
#include "kernels.h"
#include "network_weights.h"
#include "weights_file.h"

using namespace hushgate;

struct hushgate_model {
    std::shared_ptr<const NetworkWeights> weights;
};

struct hushgate_denoiser {
    hushgate_denoiser(std::shared_ptr<const NetworkWeights> weights, const Kernels& kernels)
        : denoiser(std::move(weights), kernels) {}

    BlockDenoiser denoiser;
    static constexpr int kMaxChannels = 256;
    const float* in[kMaxChannels];
    float* out[kMaxChannels];
};

namespace {

constexpr const char* kNames[kNumParameters] = {
    "mix",       "attenuation_limit_db", "hum_reduction_db", "gate_threshold_db", "gate_floor_db", "gate_hysteresis_db",
    "attack_ms", "hold_ms",              "release_ms",       "presence_db",       "output",        "channel_link",
};

const Kernels* kernels_or_best(const char* name) { return name == nullptr ? &best_kernels() : find_kernels(name); }

}  // namespace

int hushgate_interface(void) { return HUSHGATE_INTERFACE; }

const char* hushgate_parameter_name(int parameter) {
    return parameter >= 0 && parameter < kNumParameters ? kNames[parameter] : nullptr;
}

double hushgate_parameter_default(int parameter) {
    return parameter >= 0 && parameter < kNumParameters ? kDefaults[parameter] : 0.0;
}

const char* hushgate_kernels(int rank) {
    for (const char* name : {"avx512", "avx2", "base"}) {
        const Kernels* kernels = find_kernels(name);
        if (kernels != nullptr && rank-- == 0) return kernels->name;
    }
    return nullptr;
}

hushgate_model* hushgate_model_read(const void* bytes, size_t size, char* message, size_t message_size) {
    const auto explain = [&](const char* reason) {
        if (message_size == 0) return;
        std::strncpy(message, reason, message_size - 1);
        message[message_size - 1] = '\0';
    };
    try {
        WeightsFile file(bytes, size);
        return new hushgate_model{std::make_shared<const NetworkWeights>(file)};
    } catch (const WeightsError& error) {
        explain(error.what());
    } catch (const std::exception&) {
        explain("memory ran out");
    }
    return nullptr;
}

void hushgate_model_free(hushgate_model* model) { delete model; }

int hushgate_model_run(const hushgate_model* model, const char* kernels_name, const float* spectrum,
                       const float* levels, int num_frames, float* mask, float* upper_gain) {
    const Kernels* kernels = kernels_or_best(kernels_name);
    if (kernels == nullptr) return 1;
    try {
        const NoDenormals no_denormals;
        const NetworkConfig& config = model->weights->config;
        HushNetwork network(model->weights, *kernels);
        NetworkState state(config);
        Mask result(config);
        Spectrum frame(config.num_bins);
        Buffer frame_levels(2 * std::size_t(config.num_upper()));
        for (int index = 0; index < num_frames; ++index) {
            for (int bin = 0; bin < config.num_bins; ++bin) {
                frame.re[bin] = *spectrum++;
                frame.im[bin] = *spectrum++;
            }
            for (std::size_t at = 0; levels != nullptr && at < frame_levels.size(); ++at)
                frame_levels[at] = *levels++;
            network.run(frame, frame_levels.data(), state, result);
            for (int bin = 0; bin < config.num_bins; ++bin) {
                *mask++ = result.bins.re[bin];
                *mask++ = result.bins.im[bin];
            }
            for (std::size_t band = 0; band < result.upper_gain.size(); ++band) *upper_gain++ = result.upper_gain[band];
        }
        return 0;
    } catch (const std::exception&) {
        return 1;
    }
}

hushgate_denoiser* hushgate_new(const hushgate_model* model, const char* kernels_name) {
    const Kernels* kernels = kernels_or_best(kernels_name);
    if (kernels == nullptr) return nullptr;
    try {
        return new hushgate_denoiser(model->weights, *kernels);
    } catch (const std::exception&) {
        return nullptr;
    }
}

void hushgate_free(hushgate_denoiser* denoiser) { delete denoiser; }

const char* hushgate_kernels_of(const hushgate_denoiser* denoiser) { return denoiser->denoiser.kernels().name; }

int hushgate_prepare(hushgate_denoiser* denoiser, double sample_rate, int num_channels) {
    const bool is_rate = sample_rate >= 1'000.0 && sample_rate <= 1'000'000.0;
    if (!is_rate || num_channels < 1 || num_channels > hushgate_denoiser::kMaxChannels) return 1;
    try {
        denoiser->denoiser.prepare(sample_rate, num_channels);
        return 0;
    } catch (const std::exception&) {
        return 1;
    }
}

void hushgate_reset(hushgate_denoiser* denoiser) { denoiser->denoiser.reset(); }

int hushgate_latency(const hushgate_denoiser* denoiser) { return denoiser->denoiser.latency_samples(); }

void hushgate_set(hushgate_denoiser* denoiser, int parameter, double value) {
    if (parameter >= 0 && parameter < kNumParameters) denoiser->denoiser.set(Parameter(parameter), value);
}

void hushgate_set_bypass(hushgate_denoiser* denoiser, int is_bypassed) {
    denoiser->denoiser.set_bypass(is_bypassed != 0);
}

int hushgate_begin(hushgate_denoiser* denoiser, const float* in, size_t in_stride, size_t num_samples,
                   int is_heard) {
    const int num_channels = denoiser->denoiser.num_channels();
    for (int channel = 0; channel < num_channels; ++channel) denoiser->in[channel] = in + channel * in_stride;
    try {
        denoiser->denoiser.begin(denoiser->in, num_samples, is_heard != 0);
        return 0;
    } catch (const std::exception&) {
        return 1;
    }
}

void hushgate_process(hushgate_denoiser* denoiser, const float* const* in, float* const* out,
                      size_t num_samples) {
    denoiser->denoiser.process(in, out, num_samples);
}

void hushgate_process_rows(hushgate_denoiser* denoiser, const float* in, size_t in_stride, float* out,
                           size_t out_stride, size_t num_samples) {
    const int num_channels = denoiser->denoiser.num_channels();
    for (int channel = 0; channel < num_channels; ++channel) {
        denoiser->in[channel] = in + channel * in_stride;
        denoiser->out[channel] = out + channel * out_stride;
    }
    denoiser->denoiser.process(denoiser->in, denoiser->out, num_samples);
}

void hushgate_read_gate(const hushgate_denoiser* denoiser, hushgate_gate_levels* levels) {
    const GateLevels read = denoiser->denoiser.gate_levels();
    *levels = {read.level, read.noise, read.gain};
}

double hushgate_hum_frequency(const hushgate_denoiser* denoiser) { return denoiser->denoiser.hum_frequency_hz(); }

void hushgate_read_meters(const hushgate_denoiser* denoiser, hushgate_meters* meters) {
    const Meters read = denoiser->denoiser.meters();
    *meters = {read.energy_before, read.energy_target, read.energy_after,  read.presence,
               read.input_peak,    read.output_peak,   read.num_nonfinite, read.num_faulty_frames};
}
