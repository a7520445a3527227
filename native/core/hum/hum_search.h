// The search for hum in the last seconds of sound: a path of the mains frequency, and the lines along it
// (engine/hum/hum_search.py).
#pragma once

#include <vector>

#include "hum_path.h"
#include "line_spectra.h"
#include "line_statistics.h"
#include "path_grid.h"

namespace hushgate {

// Finds the mains frequency of a steady hum.
//
// The multiples 1, 2, 3, 4 and 6 of 50 and 60 Hz are averaged along every straight path of the frequency within
// 0.28 Hz; hops that other sound makes loud count less. The path with the most concentrated averages is refined
// with the higher multiples. It is hum if lines along it are steady.
class HumSearch {
public:
    HumSearch(const LineSpectra& lines, int num_channels, const Kernels& kernels);

    // Finds the hum in a full history; false if there is none.
    bool find(const SpectraHistory& history, HumPath& path) noexcept;

    // Judges the first multiples along a path. The result holds until the next call.
    const LineStatistics& statistics(const SpectraHistory& history, const HumPath& path,
                                     int num_lines) noexcept;

private:
    const std::vector<double>& coarse_likelihoods(const SpectraHistory& history, int mains) noexcept;
    HumPath refined(const SpectraHistory& history, const HumPath& path) noexcept;
    bool has_steady_anchor() const noexcept;
    bool is_hum(int num_lines) const noexcept;
    void drop_leaks(const SpectraHistory& history, const HumPath& path, int num_lines) noexcept;
    bool is_louder(const SpectraHistory& history, int bin, double power) const noexcept;
    void follow(const SpectraHistory& history, const HumPath& path, int num_lines) noexcept;

    const LineSpectra& lines_;
    int num_channels_;
    std::vector<int> anchors_;
    PathGrid coarse_, fine_;
    std::vector<Spectrum> turns_;  // of each mains frequency and anchor: what turns a hop's value back
    std::vector<int> bins_;        // of each mains frequency and anchor
    std::vector<double> left_;     // likelihoods of paths that are no candidates yet
    Spectrum line_;                // one line: (hops, channels)
    LineValues values_;
    LineStatistics found_;
};

}  // namespace hushgate
