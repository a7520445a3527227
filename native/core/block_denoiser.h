// The denoiser for blocks: a network, a gate, and parameters that can be set while it runs
// (engine/block_denoiser.py).
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "delay_line.h"
#include "gain_ramp.h"
#include "hum/hum_reducer.h"
#include "parameters.h"
#include "smart_gate.h"
#include "spectral_stream.h"

namespace hushgate {

// Readings for a host's meters.
struct Meters {
    double energy_before = 0.0, energy_target = 0.0, energy_after = 0.0;  // of the last frame, all channels
    double presence = -1.0;  // negative where the network does not estimate it
    double input_peak = 0.0, output_peak = 0.0;
    long long num_nonfinite = 0, num_faulty_frames = 0;
};

// The last frame as the gate sees it, whether it is on or off.
struct GateLevels {
    double level = 0.0, noise = 0.0;  // of the loudest channel, as power
    double gain = 1.0;
};

// One thread at a time may call `prepare`, `begin`, `process` and `reset`; `set`,
// `set_bypass` and the readings any thread at any time.
class BlockDenoiser {
public:
    BlockDenoiser(std::shared_ptr<const NetworkWeights> weights, const Kernels& kernels);

    // Allocates for a format. The caller has checked its range.
    void prepare(double sample_rate, int num_channels);
    // Forgets all sound and keeps all settings.
    void reset() noexcept;
    int latency_samples() const { return stream_ ? stream_->frame_size() : 0; }
    int num_channels() const { return num_channels_; }
    const Kernels& kernels() const { return kernels_; }

    void set(Parameter parameter, double value) noexcept;
    // Passes the input on, as late as ever and in the ramps of settings; hum and noise are followed meanwhile.
    void set_bypass(bool is_bypassed) noexcept;

    // Begins a recording whose first samples are given: those that `process` gets next. Hum is known from the
    // start if there are 8 s of them. Where the network hears them, it and the noise estimate begin in the state
    // that the first half of at most 8 s, played backwards, leaves them in. Allocates: not for the sound's thread.
    void begin(const float* const* in, std::size_t num_samples, bool is_heard);

    // The next samples of output, as many as come in, `latency_samples` late. `in` and `out` may be the same.
    // Allocates nothing, locks nothing, throws nothing.
    void process(const float* const* in, float* const* out, std::size_t num_samples) noexcept;

    Meters meters() const noexcept;
    GateLevels gate_levels() const noexcept;
    // Frequency of the mains whose hum is being turned down, Hz; 0 while there is none.
    double hum_frequency_hz() const noexcept { return hum_frequency_hz_; }

private:
    void apply_settings() noexcept;
    Gains path_gains() const noexcept;
    void process_path(const float* const* in, float* const* out, std::size_t num_samples) noexcept;
    void process_part(const float* const* in, float* const* out, std::size_t first, int count,
                      bool is_silent) noexcept;
    void process_frame() noexcept;

    std::shared_ptr<const NetworkWeights> weights_;
    const Kernels& kernels_;
    int num_channels_ = 0;
    double sample_rate_ = 0.0;
    std::unique_ptr<HumReducer> hum_;
    std::unique_ptr<SpectralStream> stream_;
    std::unique_ptr<SpectralGate> gate_;
    std::vector<DelayLine> delays_;
    std::vector<FrameEnergy> energies_;
    std::vector<double> gate_gains_;
    std::vector<Buffer> dry_, wet_;  // a hop
    Buffer clean_;
    GainRamp ramp_;

    std::atomic<double> wanted_[kNumParameters];
    std::atomic<bool> is_bypassed_{false};
    std::atomic<bool> is_changed_{true};
    ParameterValues settings_;
    bool is_started_ = false;

    std::atomic<double> energy_before_{0.0}, energy_target_{0.0}, energy_after_{0.0}, presence_{-1.0};
    std::atomic<double> gate_level_{0.0}, gate_noise_{0.0}, gate_gain_{1.0};
    std::atomic<double> input_peak_{0.0}, output_peak_{0.0}, hum_frequency_hz_{0.0};
    std::atomic<long long> num_nonfinite_{0}, num_faulty_frames_{0};
};

}  // namespace hushgate
