// The runner of a network over the spectra of a stream: spectra in, masked spectra out (engine/mask_runner.py).
#pragma once

#include <memory>
#include <vector>

#include "buffer.h"
#include "hush_network.h"
#include "input_level.h"
#include "steady_noise.h"
#include "upper_bands.h"

namespace hushgate {

class MaskRunner {
public:
    MaskRunner(std::shared_ptr<const NetworkWeights> weights, const Kernels& kernels, int num_channels,
               int num_bins);

    void reset() noexcept;

    // Runs the network on a frame and writes it under the mask.
    void apply(const std::vector<Spectrum>& noisy, std::vector<Spectrum>& target, bool is_linked) noexcept;

    // The estimate of the target's presence in the last frame, 0 to 1; negative before the first.
    float presence() const { return presence_; }
    // Frames muted since `reset` because the network gave no finite mask.
    long long num_faulty_frames() const { return num_faulty_frames_; }

private:
    void relink(bool is_linked) noexcept;
    void run(int channel, const std::vector<Spectrum>& noisy) noexcept;
    void combine_channels(const std::vector<Spectrum>& noisy) noexcept;
    void check_masks(int num_masks) noexcept;

    const NetworkConfig& config_;
    int num_channels_, shared_bins_;
    HushNetwork network_;
    std::vector<NetworkState> states_;  // of each channel; linked channels use the first
    std::vector<Mask> masks_;
    std::vector<const Spectrum*> used_masks_;
    std::vector<BandBins> bands_above_;
    UpperLevels upper_levels_;
    InputLevel level_;
    std::unique_ptr<SteadyNoise> steady_;  // null unless the model's noise is steady
    bool is_linked_ = true;
    float presence_ = -1.0f;
    long long num_faulty_frames_ = 0;
    Spectrum input_;  // of the network
    Buffer power_, levels_;
};

}  // namespace hushgate
