// Bands above a model's bins: their bins and their levels (engine/signal/upper_bands.py).
#pragma once

#include <vector>

#include "buffer.h"
#include "weights_file.h"

namespace hushgate {

// A band and its bins, the last one excluded.
struct BandBins {
    int band, begin, end;
};

// Divides the bins above the model's among the upper bands; without any the model has one band for all of them.
std::vector<BandBins> upper_band_bins(const NetworkConfig& config, int num_bins);

// Measures the bands above. A band is known where the recording has half of its bins or more.
class UpperLevels {
public:
    UpperLevels(const NetworkConfig& config, int num_bins);

    int size() const { return 2 * num_upper_; }

    // Adds the levels of a channel, times `share`: mean power of a band's bins and 1, both 0 where unknown.
    void add(const Spectrum& spectrum, float share, float* levels) const noexcept;

private:
    int num_upper_;
    std::vector<BandBins> known_;
};

}  // namespace hushgate
