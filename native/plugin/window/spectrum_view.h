// Spectra of the sound that came in and of the sound that went out; between them, what was removed.
#pragma once

#include <vector>

#include "fft.h"
#include "plugin.h"
#include "theme.h"

namespace hushgate_plugin {

class SpectrumView {
public:
    SpectrumView(const Area& area, double sample_rate)
        : area_(area),
          sample_rate_(sample_rate),
          size_(frame_size(sample_rate)),
          fft_(size_, hushgate::best_kernels()),
          spectrum_(size_ / 2 + 1),
          window_(size_),
          input_(size_),
          output_(size_),
          before_(kPoints, kFloorDb),
          after_(kPoints, kFloorDb) {
        double sum = 0.0;
        for (int at = 0; at < size_; ++at) sum += window_[at] = float(0.5 - 0.5 * std::cos(2.0 * M_PI * at / size_));
        for (float& weight : window_) weight *= float(2.0 / sum);  // a sine of amplitude 1 is 0 dB
    }

    // Reads the last frame of both; `seconds` have passed since the one before.
    void update(const SoundTap& tap, int latency, float seconds) {
        tap.read(std::size_t(size_), std::size_t(latency), input_.data(), output_.data());
        follow(input_, before_, seconds);
        follow(output_, after_, seconds);
    }

    void draw(NanoVG& draw) const {
        paint(draw, area_, kCard);
        for (int db = -90; db <= -10; db += 20) draw_level(draw, db);
        for (const int hz : {50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000})
            if (hz < sample_rate_ / 2) draw_frequency(draw, hz);
        draw.beginPath();
        trace(draw, before_, false);
        trace(draw, after_, true);
        draw.closePath();
        draw.fillColor(faded(kRemoved, 0.38f));
        draw.fill();
        line(draw, before_, kBefore);
        line(draw, after_, kAfter);
        const float y = area_.y + 16;
        float x = area_.right() - 14;
        const struct {
            const char* text;
            const Color& color;
        } marks[] = {{"removed", kRemoved}, {"out", kAfter}, {"in", kBefore}};
        for (const auto& mark : marks) {
            write(draw, x, y, mark.text, mark.color, 13, NanoVG::ALIGN_RIGHT | NanoVG::ALIGN_MIDDLE);
            x -= 14 + 8.0f * float(std::string(mark.text).size());
        }
    }

private:
    static constexpr int kPoints = 220;
    static constexpr float kFloorDb = -110.0f, kTopDb = 0.0f;
    static constexpr double kLowestHz = 30.0;
    static constexpr float kFallDbPerS = 45.0f;

    static int frame_size(double sample_rate) {
        int size = 1024;
        while (size < 0.08 * sample_rate && size < 16384) size *= 2;
        return size;
    }

    double highest_hz() const { return std::fmin(sample_rate_ / 2, 22000.0); }
    double hz_at(double share) const { return kLowestHz * std::pow(highest_hz() / kLowestHz, share); }
    float x_of(double hz) const {
        return area_.x + area_.width * float(std::log(hz / kLowestHz) / std::log(highest_hz() / kLowestHz));
    }
    float y_of(float db) const { return area_.y + area_.height * (kTopDb - db) / (kTopDb - kFloorDb); }

    // Levels rise at once and fall slowly, so that eyes can follow.
    void follow(std::vector<float>& samples, std::vector<float>& levels, float seconds) {
        for (int at = 0; at < size_; ++at) samples[at] *= window_[at];
        fft_.forward(samples.data(), spectrum_);
        for (int point = 0; point < kPoints; ++point) {
            const double from = hz_at((point - 0.5) / (kPoints - 1)) * size_ / sample_rate_;
            const double to = hz_at((point + 0.5) / (kPoints - 1)) * size_ / sample_rate_;
            double most = 0.0;
            for (int bin = int(from + 0.5); bin <= int(to + 0.5) && bin <= size_ / 2; ++bin)
                most = std::fmax(most, double(spectrum_.re[bin]) * spectrum_.re[bin] +
                                           double(spectrum_.im[bin]) * spectrum_.im[bin]);
            const float now = in_db(most, kFloorDb);
            levels[point] = std::fmax(now, std::fmax(kFloorDb, levels[point] - kFallDbPerS * seconds));
        }
    }

    void trace(NanoVG& draw, const std::vector<float>& levels, bool is_backwards) const {
        for (int step = 0; step < kPoints; ++step) {
            const int point = is_backwards ? kPoints - 1 - step : step;
            const float x = area_.x + area_.width * float(point) / (kPoints - 1), y = y_of(levels[point]);
            if (step == 0 && !is_backwards)
                draw.moveTo(x, y);
            else
                draw.lineTo(x, y);
        }
    }

    void line(NanoVG& draw, const std::vector<float>& levels, const Color& color) const {
        draw.beginPath();
        trace(draw, levels, false);
        draw.strokeColor(color);
        draw.strokeWidth(1.8f);
        draw.stroke();
    }

    void draw_level(NanoVG& draw, int db) const {
        draw.beginPath();
        draw.moveTo(area_.x, y_of(float(db)));
        draw.lineTo(area_.right(), y_of(float(db)));
        draw.strokeColor(faded(kLine, 0.5f));
        draw.strokeWidth(1);
        draw.stroke();
        char text[16];
        std::snprintf(text, sizeof text, "%d", db);
        write(draw, area_.x + 6, y_of(float(db)) - 8, text, kQuiet, 11, NanoVG::ALIGN_LEFT | NanoVG::ALIGN_MIDDLE);
    }

    void draw_frequency(NanoVG& draw, int hz) const {
        draw.beginPath();
        draw.moveTo(x_of(hz), area_.y);
        draw.lineTo(x_of(hz), area_.bottom());
        draw.strokeColor(faded(kLine, 0.4f));
        draw.strokeWidth(1);
        draw.stroke();
        char text[16];
        std::snprintf(text, sizeof text, hz < 1000 ? "%d" : "%dk", hz < 1000 ? hz : hz / 1000);
        write(draw, x_of(hz), area_.bottom() - 9, text, kQuiet, 11, NanoVG::ALIGN_CENTER | NanoVG::ALIGN_MIDDLE);
    }

    Area area_;
    double sample_rate_;
    int size_;
    hushgate::Fft fft_;
    hushgate::Spectrum spectrum_;
    std::vector<float> window_, input_, output_;
    std::vector<float> before_, after_;  // dB
};

}  // namespace hushgate_plugin
