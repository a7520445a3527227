// How far the sound was turned down in the last ten seconds, and how surely the target sounded.
#pragma once

#include <vector>

#include "theme.h"

namespace hushgate_plugin {

class HistoryView {
public:
    explicit HistoryView(const Area& area) : area_(area), entries_(kEntries) {}

    // reduction_db: 0 or less. presence: 0 to 1, negative where the model does not estimate it.
    void add(float reduction_db, float presence, float seconds) {
        waiting_ += seconds;
        lowest_ = std::fmin(lowest_, reduction_db);
        presence_ = presence;
        while (waiting_ >= kSeconds / kEntries) {
            waiting_ -= kSeconds / kEntries;
            entries_.erase(entries_.begin());
            entries_.push_back({lowest_, presence_});
            lowest_ = reduction_db;
        }
    }

    void draw(NanoVG& draw) const {
        paint(draw, area_, kCard);
        for (int db = -10; db > kFloorDb; db -= 20) {
            draw.beginPath();
            draw.moveTo(area_.x, y_of(float(db)));
            draw.lineTo(area_.right(), y_of(float(db)));
            draw.strokeColor(faded(kLine, 0.5f));
            draw.strokeWidth(1);
            draw.stroke();
            char text[16];
            std::snprintf(text, sizeof text, "%d", db);
            write(draw, area_.x + 6, y_of(float(db)) - 8, text, kQuiet, 11,
                  NanoVG::ALIGN_LEFT | NanoVG::ALIGN_MIDDLE);
        }
        draw.beginPath();
        draw.moveTo(area_.x, area_.y);
        for (int at = 0; at < kEntries; ++at) draw.lineTo(x_of(at), y_of(entries_[at].reduction_db));
        draw.lineTo(area_.right(), area_.y);
        draw.closePath();
        draw.fillColor(faded(kRemoved, 0.55f));
        draw.fill();
        const bool has_presence = entries_.back().presence >= 0.0f;
        if (has_presence) {
            draw.beginPath();
            bool is_begun = false;
            for (int at = 0; at < kEntries; ++at) {
                if (entries_[at].presence < 0.0f) continue;
                const float y = area_.bottom() - 3 - (area_.height - 6) * entries_[at].presence;
                if (is_begun)
                    draw.lineTo(x_of(at), y);
                else
                    draw.moveTo(x_of(at), y);
                is_begun = true;
            }
            draw.strokeColor(kAfter);
            draw.strokeWidth(1.8f);
            draw.stroke();
        }
        const float y = area_.bottom() - 14;
        const float width = has_presence ? 216 : 144;
        paint(draw, {area_.right() - 8 - width, y - 10, width, 20}, faded(kCard, 0.85f), 4);
        write(draw, area_.right() - 14, y, "gain reduction, 10 s", kRemoved, 13,
              NanoVG::ALIGN_RIGHT | NanoVG::ALIGN_MIDDLE);
        if (has_presence)
            write(draw, area_.right() - 160, y, "presence", kAfter, 13, NanoVG::ALIGN_RIGHT | NanoVG::ALIGN_MIDDLE);
    }

private:
    static constexpr int kEntries = 300;
    static constexpr float kSeconds = 10.0f, kFloorDb = -60.0f;
    struct Entry {
        float reduction_db = 0.0f, presence = -1.0f;
    };

    float x_of(int at) const { return area_.x + area_.width * float(at) / (kEntries - 1); }
    float y_of(float db) const { return area_.y + area_.height * std::fmin(1.0f, db / kFloorDb); }

    Area area_;
    std::vector<Entry> entries_;
    float waiting_ = 0.0f, lowest_ = 0.0f, presence_ = -1.0f;
};

}  // namespace hushgate_plugin
