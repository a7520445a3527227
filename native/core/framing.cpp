#include "framing.h"

#include <algorithm>
#include <cmath>

namespace hushgate {

namespace {

constexpr double kPi = 3.141592653589793238462643383279502884;

bool has_fast_factors(int length) {
    for (const int prime : {2, 3, 5, 7, 11})
        while (length % prime == 0) length /= prime;
    return length == 1;
}

}  // namespace

int frame_size_for(double sample_rate, double frame_ms, int overlap) {
    const double wanted = sample_rate * frame_ms / 1000.0;
    const int step = overlap % 2 == 0 ? overlap : 2 * overlap;
    // Halves go to the even neighbour, as in Python.
    const int nearest = std::max(1, int(std::nearbyint(wanted / step)));
    for (int distance = 0; distance <= nearest; ++distance) {
        const int below = (nearest - distance) * step, above = (nearest + distance) * step;
        const bool is_below = below > 0 && has_fast_factors(below), is_above = has_fast_factors(above);
        if (is_below && (!is_above || std::abs(below - wanted) <= std::abs(above - wanted))) return below;
        if (is_above) return above;
    }
    return step * nearest;
}

Buffer analysis_window(int frame_size) {
    Buffer window(frame_size);
    for (int at = 0; at < frame_size; ++at) window[at] = float(std::sin(at * (kPi / frame_size)));
    return window;
}

double spectrum_scale(const Buffer& window) {
    double sum = 0.0;
    for (std::size_t at = 0; at < window.size(); ++at) sum += window[at];
    return 2.0 / sum;
}

}  // namespace hushgate
