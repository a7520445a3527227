// A knob for one parameter. Short times take most of its way.
#pragma once

#include "theme.h"

namespace hushgate_plugin {

class Knob {
public:
    Knob(int parameter, const Area& area) : parameter_(parameter), area_(area) {}

    int parameter() const { return parameter_; }
    const Area& area() const { return area_; }
    const ParameterRow& row() const { return kParameters[parameter_]; }

    // Place on the knob's way, 0 to 1, and the value there.
    float place(float value) const {
        const float share = (value - row().minimum) / (row().maximum - row().minimum);
        return std::pow(std::fmin(std::fmax(share, 0.0f), 1.0f), 1.0f / skew());
    }
    float value_at(float place) const {
        const float share = std::pow(std::fmin(std::fmax(place, 0.0f), 1.0f), skew());
        return row().minimum + share * (row().maximum - row().minimum);
    }

    void draw(NanoVG& draw, float value, bool is_held) const {
        constexpr float kBegin = 0.75f * float(M_PI), kWay = 1.5f * float(M_PI);
        const float x = area_.x + area_.width / 2, y = area_.y + 42, radius = 21;
        const float angle = kBegin + kWay * place(value);
        write(draw, x, area_.y + 8, row().name, kQuiet, 12.5f, NanoVG::ALIGN_CENTER | NanoVG::ALIGN_MIDDLE);
        draw.lineCap(NanoVG::ROUND);
        draw.strokeWidth(5);
        draw.beginPath();
        draw.arc(x, y, radius, kBegin, kBegin + kWay, NanoVG::CW);
        draw.strokeColor(kLine);
        draw.stroke();
        if (place(value) > 0.0f) {
            draw.beginPath();
            draw.arc(x, y, radius, kBegin, angle, NanoVG::CW);
            draw.strokeColor(kAfter);
            draw.stroke();
        }
        draw.beginPath();
        draw.circle(x, y, radius - 6);
        draw.fillColor(is_held ? kLine : kRaised);
        draw.fill();
        draw.strokeWidth(3);
        draw.beginPath();
        draw.moveTo(x + 4 * std::cos(angle), y + 4 * std::sin(angle));
        draw.lineTo(x + (radius - 8) * std::cos(angle), y + (radius - 8) * std::sin(angle));
        draw.strokeColor(kText);
        draw.stroke();
        write(draw, x, area_.y + 77, in_words(row(), value).c_str(), kText, 14,
              NanoVG::ALIGN_CENTER | NanoVG::ALIGN_MIDDLE);
    }

private:
    float skew() const { return std::string(row().unit) == "ms" ? 3.0f : 1.0f; }

    int parameter_;
    Area area_;
};

}  // namespace hushgate_plugin
