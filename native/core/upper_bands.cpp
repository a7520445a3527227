#include "upper_bands.h"

#include <algorithm>
#include <cmath>

namespace hushgate {

std::vector<BandBins> upper_band_bins(const NetworkConfig& config, int num_bins) {
    const int num_bands = std::max(1, config.num_upper());
    std::vector<int> starts{config.num_bins};
    for (int band = 1; band < num_bands; ++band) {
        const int first = int(std::ceil(config.upper_edges_hz[band] * config.frame_ms / 1000.0 - 1e-9));
        starts.push_back(std::max(config.num_bins, first));
    }
    starts.push_back(num_bins);
    std::vector<BandBins> result;
    for (int band = 0; band < num_bands; ++band) {
        const int end = std::min(starts[band + 1], num_bins);
        if (starts[band] < end) result.push_back({band, starts[band], end});
    }
    return result;
}

UpperLevels::UpperLevels(const NetworkConfig& config, int num_bins) : num_upper_(config.num_upper()) {
    if (num_upper_ == 0) return;
    const int top = int(std::nearbyint(config.upper_top_hz * config.frame_ms / 1000.0));
    const std::vector<BandBins> whole = upper_band_bins(config, top);
    for (const BandBins& there : upper_band_bins(config, std::min(num_bins, top)))
        for (const BandBins& band : whole)
            if (band.band == there.band && 2 * (there.end - there.begin) >= band.end - band.begin)
                known_.push_back(there);
}

void UpperLevels::add(const Spectrum& spectrum, float share, float* levels) const noexcept {
    for (const BandBins& band : known_) {
        double sum = 0.0;
        for (int bin = band.begin; bin < band.end; ++bin)
            sum += spectrum.re[bin] * spectrum.re[bin] + spectrum.im[bin] * spectrum.im[bin];
        levels[2 * band.band] += share * float(sum / (band.end - band.begin));
        levels[2 * band.band + 1] += share;
    }
}

}  // namespace hushgate
