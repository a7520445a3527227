// Levels of the target and of the noise, with the gate's threshold to drag.
#pragma once

#include "theme.h"

namespace hushgate_plugin {

class GateMeter {
public:
    explicit GateMeter(const Area& area) : area_(area) {}

    const Area& area() const { return area_; }

    void update(double level, double noise, double gain, float seconds) {
        level_db_ = follow(level_db_, in_db(level, kFloorDb), seconds);
        noise_db_ = follow(noise_db_, in_db(noise, kFloorDb), seconds);
        gain_ = float(gain);
    }

    // The threshold at a height of the window: its lowest value is off.
    float threshold_at(double y) const {
        const float share = float((bars().bottom() - y) / bars().height);
        return std::fmin(0.0f, std::fmax(kFloorDb, kFloorDb * (1.0f - share)));
    }

    void draw(NanoVG& draw, float threshold_db, const std::string& words, bool is_held) const {
        paint(draw, area_, kCard);
        const bool is_on = threshold_db > kFloorDb;
        write(draw, area_.x + 14, area_.y + 18, "Gate", kText, 16, NanoVG::ALIGN_LEFT | NanoVG::ALIGN_MIDDLE);
        write(draw, area_.right() - 32, area_.y + 18, !is_on ? "off" : gain_ > 0.5f ? "open" : "closed", kQuiet, 13,
              NanoVG::ALIGN_RIGHT | NanoVG::ALIGN_MIDDLE);
        draw.beginPath();
        draw.circle(area_.right() - 20, area_.y + 18, 6);
        draw.fillColor(!is_on ? kLine : gain_ > 0.5f ? kAfter : kRemoved);
        draw.fill();
        bar(draw, bars().x, level_db_, kAfter, "target");
        bar(draw, bars().x + kBarWidth + 14, noise_db_, kBefore, "removed");
        for (int db = -90; db <= -10; db += 20) {
            char text[16];
            std::snprintf(text, sizeof text, "%d", db);
            write(draw, bars().x - 8, y_of(float(db)), text, kQuiet, 11, NanoVG::ALIGN_RIGHT | NanoVG::ALIGN_MIDDLE);
        }
        const float y = y_of(threshold_db), left = bars().x - 4, right = area_.right() - 10;
        draw.beginPath();
        draw.moveTo(left, y);
        draw.lineTo(right, y);
        draw.strokeColor(is_held ? kAfter : kText);
        draw.strokeWidth(2);
        draw.stroke();
        const Area handle = {right - 66, y - 12, 66, 24};
        paint(draw, handle, is_held ? kAfter : kText, 5);
        write(draw, handle.x + 33, y, words.c_str(), kDark, 13, NanoVG::ALIGN_CENTER | NanoVG::ALIGN_MIDDLE);
    }

private:
    static constexpr float kFloorDb = -100.0f, kFallDbPerS = 40.0f, kBarWidth = 26.0f;

    Area bars() const { return {area_.x + 38, area_.y + 48, 2 * kBarWidth + 14, area_.height - 86}; }
    float y_of(float db) const { return bars().y + bars().height * db / kFloorDb; }

    static float follow(float before, float now, float seconds) {
        return std::fmax(now, std::fmax(kFloorDb, before - kFallDbPerS * seconds));
    }

    void bar(NanoVG& draw, float x, float level_db, const Color& color, const char* name) const {
        const Area whole = {x, bars().y, kBarWidth, bars().height};
        paint(draw, whole, kGround, 4);
        const float y = y_of(std::fmin(level_db, 0.0f));
        paint(draw, {x, y, kBarWidth, whole.bottom() - y}, color, 4);
        write(draw, x + kBarWidth / 2, whole.bottom() + 18, name, kQuiet, 11.5f,
              NanoVG::ALIGN_CENTER | NanoVG::ALIGN_MIDDLE);
    }

    Area area_;
    float level_db_ = kFloorDb, noise_db_ = kFloorDb, gain_ = 1.0f;
};

}  // namespace hushgate_plugin
