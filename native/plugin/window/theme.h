// Colours, sizes and words of the window.
#pragma once

#include <cmath>
#include <cstdio>
#include <string>

#include "NanoVG.hpp"
#include "tables.h"

namespace hushgate_plugin {

using DGL_NAMESPACE::Color;
using DGL_NAMESPACE::NanoVG;

// A part of the window, in its own pixels: 900 x 620, which DPF scales.
struct Area {
    float x, y, width, height;

    bool holds(double px, double py) const { return px >= x && px < x + width && py >= y && py < y + height; }
    float right() const { return x + width; }
    float bottom() const { return y + height; }
};

const Color kGround(11, 16, 32), kCard(20, 27, 48), kRaised(36, 47, 80), kLine(58, 72, 110);
const Color kText(238, 242, 255), kQuiet(179, 189, 216), kDark(6, 37, 31);
const Color kBefore(255, 190, 107), kAfter(90, 216, 192), kRemoved(255, 154, 179);

inline Color faded(const Color& color, float alpha) {
    Color result(color);
    result.alpha = alpha;
    return result;
}

inline void paint(NanoVG& draw, const Area& area, const Color& color, float radius = 8.0f) {
    draw.beginPath();
    draw.roundedRect(area.x, area.y, area.width, area.height, radius);
    draw.fillColor(color);
    draw.fill();
}

inline void write(NanoVG& draw, float x, float y, const char* text, const Color& color, float size, int align) {
    draw.fontSize(size);
    draw.fillColor(color);
    draw.textAlign(align);
    draw.text(x, y, text, nullptr);
}

// A power in dB, no lower than `floor_db`.
inline float in_db(double power, float floor_db) {
    return power > 0.0 ? std::fmax(float(10.0 * std::log10(power)), floor_db) : floor_db;
}

// A value with its unit, or the word at its range's end.
inline std::string in_words(const ParameterRow& row, float value) {
    if (row.end_word != nullptr && value == row.end) return row.end_word;
    char text[32];
    if (row.unit[0] == '\0') {
        std::snprintf(text, sizeof text, "%.0f %%", 100.0f * value);
    } else {
        const bool is_short = std::fabs(value) < 10.0f;
        std::snprintf(text, sizeof text, is_short ? "%.1f %s" : "%.0f %s", value, row.unit);
    }
    return text;
}

}  // namespace hushgate_plugin
