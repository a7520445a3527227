// The plugin's window: what comes in, what goes out, what is removed, and every parameter.

#include <chrono>
#include <cstring>
#include <memory>
#include <vector>

#include "DistrhoUI.hpp"
#include "gate_meter.h"
#include "history_view.h"
#include "knob.h"
#include "spectrum_view.h"

START_NAMESPACE_DISTRHO

using namespace hushgate_plugin;

namespace {

constexpr uint kWidth = 900, kHeight = 620;
constexpr Area kSpectrum = {16, 64, 660, 262}, kHistory = {16, 336, 660, 96}, kGate = {690, 64, 194, 368};
constexpr float kSecondsPerPicture = 1.0f / 30.0f;
// Pixels of a drag over a knob's whole way; with shift ten times as many.
constexpr double kDragWay = 180.0;
constexpr double kDoubleClickS = 0.35;

double now_s() {
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

int parameter_index(const char* symbol) {
    for (int index = 0; index < kNumParameters; ++index)
        if (std::strcmp(kParameters[index].symbol, symbol) == 0) return index;
    return -1;
}

// What is heard: three states of the host's bypass and of the parameter `output`.
enum Side { kSideBefore, kSideAfter, kSideRemoved };
const char* const kSideNames[] = {"Before", "After", "Removed"};
const Color* const kSideColors[] = {&kBefore, &kAfter, &kRemoved};

}  // namespace

class HushgateWindow : public UI {
public:
    HushgateWindow()
        : UI(kWidth, kHeight, true),
          plugin_(static_cast<HushgatePlugin*>(getPluginInstancePointer())),
          threshold_(parameter_index("gate_threshold_db")),
          output_(parameter_index("output")),
          link_(parameter_index("channel_link")),
          model_(int(HushgatePlugin::model_index())),
          bypass_(int(HushgatePlugin::bypass_index())),
          history_(kHistory),
          gate_(kGate) {
        loadSharedResources();
        for (int index = 0; index < kNumParameters; ++index) values_[index] = kParameters[index].initial;
        add_knobs();
        sampleRateChanged(getSampleRate());
    }

protected:
    void parameterChanged(uint32_t index, float value) override {
        if (index <= HushgatePlugin::bypass_index()) values_[index] = value;
        repaint();
    }

    void programLoaded(uint32_t index) override {
        for (int parameter = 0; parameter < kNumParameters; ++parameter)
            values_[parameter] = kPresets[index].values[parameter];
        repaint();
    }

#if DISTRHO_PLUGIN_WANT_STATE
    void stateChanged(const char*, const char*) override {}
#endif

    void sampleRateChanged(double sample_rate) override {
        spectrum_ = std::make_unique<SpectrumView>(kSpectrum, sample_rate);
    }

    void uiIdle() override {
        const double now = now_s();
        const float passed = float(now - last_s_);
        if (passed < kSecondsPerPicture) return;
        last_s_ = now;
        const float seconds = std::fmin(passed, 1.0f);
        if (plugin_ != nullptr) {
            const hushgate_meters meters = plugin_->meters();
            const hushgate_gate_levels levels = plugin_->gate_levels();
            spectrum_->update(plugin_->tap(), plugin_->latency(), seconds);
            const bool sounds = meters.energy_before > 0.0;
            const double gain = sounds ? meters.energy_after / meters.energy_before : 1.0;
            history_.add(std::fmin(0.0f, in_db(gain, -60.0f)), float(meters.presence), seconds);
            gate_.update(levels.level, levels.noise, levels.gain, seconds);
        }
        repaint();
    }

    void onNanoDisplay() override {
        paint(*this, {0, 0, kWidth, kHeight}, kGround, 0);
        draw_head();
        spectrum_->draw(*this);
        history_.draw(*this);
        gate_.draw(*this, values_[threshold_], in_words(kParameters[threshold_], values_[threshold_]),
                   held_ == threshold_);
        for (int side = 0; side < 3; ++side) {
            const Area area = side_area(side);
            const bool is_heard = side == heard_side();
            paint(*this, area, is_heard ? *kSideColors[side] : kRaised, 10);
            write(*this, area.x + area.width / 2, area.y + area.height / 2, kSideNames[side],
                  is_heard ? kDark : kText, 20, ALIGN_CENTER | ALIGN_MIDDLE);
        }
        for (const Knob& knob : knobs_) knob.draw(*this, values_[knob.parameter()], held_ == knob.parameter());
        if (HUSHGATE_CHANNELS > 1) draw_link();
    }

    bool onMouse(const MouseEvent& event) override {
        if (event.button != 1) return false;
        const double x = event.pos.getX(), y = event.pos.getY();
        if (!event.press) return release();
        for (int model = 0; model < kNumModels; ++model)
            if (tab_area(model).holds(x, y)) return choose(model_, float(model));
        for (int side = 0; side < 3; ++side)
            if (side_area(side).holds(x, y)) return listen_to(side);
        if (HUSHGATE_CHANNELS > 1 && link_area().holds(x, y)) return choose(link_, 1.0f - values_[link_]);
        if (kGate.holds(x, y)) {
            hold(threshold_, y);
            set(threshold_, gate_.threshold_at(y));
            return true;
        }
        for (const Knob& knob : knobs_) {
            if (!knob.area().holds(x, y)) continue;
            const bool is_double = knob.parameter() == last_knob_ && now_s() - last_press_s_ < kDoubleClickS;
            last_knob_ = knob.parameter();
            last_press_s_ = now_s();
            if (is_double) return choose(knob.parameter(), knob.row().initial);
            hold(knob.parameter(), y);
            held_place_ = knob.place(values_[knob.parameter()]);
            return true;
        }
        return false;
    }

    bool onMotion(const MotionEvent& event) override {
        if (held_ < 0) return false;
        const double y = event.pos.getY();
        if (held_ == threshold_) {
            set(threshold_, gate_.threshold_at(y));
            return true;
        }
        for (const Knob& knob : knobs_) {
            if (knob.parameter() != held_) continue;
            const double way = event.mod & kModifierShift ? 10.0 * kDragWay : kDragWay;
            held_place_ = std::fmin(1.0f, std::fmax(0.0f, held_place_ + float((held_y_ - y) / way)));
            held_y_ = y;
            set(held_, rounded(knob.row(), knob.value_at(held_place_)));
        }
        return true;
    }

    bool onScroll(const ScrollEvent& event) override {
        for (const Knob& knob : knobs_) {
            if (!knob.area().holds(event.pos.getX(), event.pos.getY())) continue;
            const float place = knob.place(values_[knob.parameter()]) + 0.02f * float(event.delta.getY());
            return choose(knob.parameter(), rounded(knob.row(), knob.value_at(place)));
        }
        return false;
    }

private:
    void add_knobs() {
        std::vector<int> numbers;
        for (int index = 0; index < kNumParameters; ++index)
            if (kParameters[index].num_choices == 0 && index != threshold_) numbers.push_back(index);
        const float width = (kWidth - 32.0f) / float(numbers.size());
        for (std::size_t at = 0; at < numbers.size(); ++at)
            knobs_.emplace_back(numbers[at], Area{16 + width * float(at), 516, width, 92});
    }

    static Area tab_area(int model) { return {176 + 112.0f * float(model), 14, 104, 36}; }
    static Area side_area(int side) { return {16 + 224.0f * float(side), 446, 212, 54}; }
    static Area link_area() { return {690, 446, 194, 54}; }

    void draw_head() {
        write(*this, 48, 32, "hushgate", kText, 23, ALIGN_LEFT | ALIGN_MIDDLE);
        lineCap(ROUND);
        strokeWidth(3);
        strokeColor(kAfter);
        const float heights[] = {2, 14, 22, 8};
        for (int bar = 0; bar < 4; ++bar) {
            beginPath();
            moveTo(18 + 7.0f * float(bar), 32 - heights[bar] / 2);
            lineTo(18 + 7.0f * float(bar), 32 + heights[bar] / 2);
            stroke();
        }
        for (int model = 0; model < kNumModels; ++model) {
            const bool is_chosen = int(values_[model_] + 0.5f) == model;
            const Area area = tab_area(model);
            paint(*this, area, is_chosen ? kAfter : kRaised);
            write(*this, area.x + area.width / 2, area.y + area.height / 2, kModels[model].name,
                  is_chosen ? kDark : kText, 16, ALIGN_CENTER | ALIGN_MIDDLE);
        }
        if (plugin_ == nullptr) return;
        char text[64];
        const double hum_hz = plugin_->hum_frequency(), latency_ms = 1000.0 * plugin_->latency() / getSampleRate();
        if (hum_hz > 0.0) {
            std::snprintf(text, sizeof text, "hum of %.1f Hz removed   latency %.1f ms", hum_hz, latency_ms);
        } else {
            std::snprintf(text, sizeof text, "latency %.1f ms", latency_ms);
        }
        write(*this, kWidth - 16, 32, text, kQuiet, 14, ALIGN_RIGHT | ALIGN_MIDDLE);
    }

    void draw_link() {
        const Area area = link_area();
        paint(*this, area, kRaised, 10);
        write(*this, area.x + area.width / 2, area.y + 17, "channels", kQuiet, 12.5f, ALIGN_CENTER | ALIGN_MIDDLE);
        write(*this, area.x + area.width / 2, area.y + 36, kParameters[link_].choices[int(values_[link_] + 0.5f)],
              kText, 17, ALIGN_CENTER | ALIGN_MIDDLE);
    }

    int heard_side() const {
        if (values_[bypass_] >= 0.5f) return kSideBefore;
        return values_[output_] >= 0.5f ? kSideRemoved : kSideAfter;
    }

    bool listen_to(int side) {
        if (side != kSideBefore) choose(output_, side == kSideRemoved ? 1.0f : 0.0f);
        return choose(bypass_, side == kSideBefore ? 1.0f : 0.0f);
    }

    // Steps that a person would type: tenths of dB, of short times and of per cents.
    static float rounded(const ParameterRow& row, float value) {
        const float step = row.unit[0] == '\0' ? 0.01f : std::fabs(value) < 10.0f ? 0.1f : 0.5f;
        const float near = std::round(value / step) * step;
        return std::fmin(row.maximum, std::fmax(row.minimum, near));
    }

    void hold(int parameter, double y) {
        held_ = parameter;
        held_y_ = y;
        editParameter(uint32_t(parameter), true);
    }

    bool release() {
        if (held_ < 0) return false;
        editParameter(uint32_t(held_), false);
        held_ = -1;
        repaint();
        return true;
    }

    bool choose(int parameter, float value) {
        editParameter(uint32_t(parameter), true);
        set(parameter, value);
        editParameter(uint32_t(parameter), false);
        return true;
    }

    void set(int parameter, float value) {
        if (parameter == threshold_) value = std::round(2.0f * value) / 2.0f;
        values_[parameter] = value;
        setParameterValue(uint32_t(parameter), value);
        repaint();
    }

    HushgatePlugin* plugin_;
    int threshold_, output_, link_, model_, bypass_;
    float values_[32] = {};
    std::unique_ptr<SpectrumView> spectrum_;
    HistoryView history_;
    GateMeter gate_;
    std::vector<Knob> knobs_;
    double last_s_ = 0.0;
    int held_ = -1;  // the parameter under the pressed button
    double held_y_ = 0.0;
    float held_place_ = 0.0f;
    int last_knob_ = -1;
    double last_press_s_ = 0.0;

    DISTRHO_DECLARE_NON_COPYABLE_WITH_LEAK_DETECTOR(HushgateWindow)
};

UI* createUI() { return new HushgateWindow(); }

END_NAMESPACE_DISTRHO
