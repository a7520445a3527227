// A CLAP host for tests: `clap_host PLUGIN.clap RATE CHANNELS BLOCK [NAME=VALUE ...] [--OPTION=VALUE ...]`.
//
// Reads raw float32 from standard input, one channel after the other, and writes the output in the same way.
// Standard error gets the latency, and the parameters as they are after a save and a load of the state into a
// second instance, in which the sound is then processed. The host offers no extension: plugins must do without.
//
//   --write=N, --read=N  take, or give, N bytes of the state at a time
//   --drop=SYMBOL        take a parameter out of the state, as if an older version had written it
//   --locale=NAME        of numbers, while the state is written and read
//   --before=RATE        activate for another rate first, which may be refused
//   --reset=BLOCK        reset before this block

#ifdef _WIN32
#define NOMINMAX
#include <fcntl.h>
#include <io.h>
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include <algorithm>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "clap/entry.h"
#include "clap/ext/latency.h"
#include "clap/ext/params.h"
#include "clap/ext/state.h"
#include "clap/plugin-factory.h"

namespace {

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "clap_host: %s\n", what);
    std::exit(2);
}

void* open_library(const char* path) {
#ifdef _WIN32
    return reinterpret_cast<void*>(LoadLibraryA(path));
#else
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
#endif
}

void* symbol(void* library, const char* name) {
#ifdef _WIN32
    return reinterpret_cast<void*>(GetProcAddress(reinterpret_cast<HMODULE>(library), name));
#else
    return dlsym(library, name);
#endif
}

const void* no_extension(const clap_host*, const char*) { return nullptr; }
void no_request(const clap_host*) {}

const clap_host_t kHost = {CLAP_VERSION,  nullptr,    "hushgate tests", "hushgate", "", "1",
                           no_extension, no_request, no_request,       no_request};

using Events = std::vector<clap_event_param_value>;

uint32_t num_events(const clap_input_events* list) {
    return uint32_t(static_cast<const Events*>(list->ctx)->size());
}
const clap_event_header* event_at(const clap_input_events* list, uint32_t index) {
    return &(*static_cast<const Events*>(list->ctx))[index].header;
}
bool drop_event(const clap_output_events*, const clap_event_header*) { return true; }

// What follows `--NAME=` among the arguments; null without.
const char* option(int count, char** arguments, const std::string& name) {
    const std::string prefix = "--" + name + "=";
    for (int argument = 5; argument < count; ++argument)
        if (std::strncmp(arguments[argument], prefix.c_str(), prefix.size()) == 0)
            return arguments[argument] + prefix.size();
    return nullptr;
}

uint64_t number(const char* text, uint64_t otherwise) {
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Bytes {
    std::string content;
    uint64_t part;  // most bytes at a time
    std::size_t position = 0;
};

int64_t write_state(const clap_ostream* stream, const void* from, uint64_t size) {
    Bytes& bytes = *static_cast<Bytes*>(stream->ctx);
    size = std::min(size, bytes.part);
    bytes.content.append(static_cast<const char*>(from), size);
    return int64_t(size);
}

int64_t read_state(const clap_istream* stream, void* to, uint64_t size) {
    Bytes& bytes = *static_cast<Bytes*>(stream->ctx);
    const std::size_t count = std::min<std::size_t>(std::min(size, bytes.part), bytes.content.size() - bytes.position);
    std::memcpy(to, bytes.content.data() + bytes.position, count);
    bytes.position += count;
    return int64_t(count);
}

// Takes the name and the value of a parameter out of a state. Each ends with a zero.
void drop(std::string& state, const char* symbol) {
    const std::string name = symbol + std::string(1, '\0');
    const std::size_t first = state.find('\0' + name);
    if (first == std::string::npos) fail("the state has no such parameter");
    state.erase(first + 1, state.find('\0', first + 1 + name.size()) - first);
}

const clap_plugin* make(const clap_plugin_factory* factory) {
    const clap_plugin_descriptor* descriptor = factory->get_plugin_descriptor(factory, 0);
    if (descriptor == nullptr) fail("no plugin in the file");
    const clap_plugin* plugin = factory->create_plugin(factory, &kHost, descriptor->id);
    if (plugin == nullptr || !plugin->init(plugin)) fail("the plugin cannot be made");
    return plugin;
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 5) fail("usage: clap_host PLUGIN.clap RATE CHANNELS BLOCK [NAME=VALUE ...]");
    const double rate = std::atof(arguments[2]);
    const std::size_t num_channels = std::atoi(arguments[3]), block = std::atoi(arguments[4]);
#ifdef _WIN32
    _setmode(_fileno(stdin), _O_BINARY);
    _setmode(_fileno(stdout), _O_BINARY);
#endif
    std::vector<float> in;
    for (float sample; std::fread(&sample, sizeof sample, 1, stdin) == 1;) in.push_back(sample);
    std::vector<float> out(in.size());
    const std::size_t num_samples = in.size() / num_channels;

    void* library = open_library(arguments[1]);
    if (library == nullptr) fail("the file cannot be loaded");
    const auto* entry = static_cast<const clap_plugin_entry*>(symbol(library, "clap_entry"));
    if (entry == nullptr || !entry->init(arguments[1])) fail("the file has no entry");
    const auto* factory =
        static_cast<const clap_plugin_factory*>(entry->get_factory(CLAP_PLUGIN_FACTORY_ID));

    // Set the parameters in one instance while it does not run, and carry them to another as a session would.
    const clap_plugin* first = make(factory);
    const auto* params = static_cast<const clap_plugin_params*>(first->get_extension(first, CLAP_EXT_PARAMS));
    Events events;
    for (int argument = 5; argument < count; ++argument) {
        const std::string text = arguments[argument];
        if (text.compare(0, 2, "--") == 0) continue;
        const std::size_t equals = text.find('=');
        bool is_known = false;
        for (uint32_t index = 0; index < params->count(first); ++index) {
            clap_param_info info;
            if (!params->get_info(first, index, &info) || text.substr(0, equals) != info.name) continue;
            clap_event_param_value event{};
            event.header = {sizeof event, 0, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, 0};
            event.param_id = info.id;
            event.note_id = event.port_index = event.channel = event.key = -1;
            event.value = std::atof(text.c_str() + equals + 1);
            events.push_back(event);
            is_known = true;
        }
        if (!is_known) fail("no such parameter");
    }
    const clap_input_events input_events = {&events, num_events, event_at};
    const clap_output_events output_events = {nullptr, drop_event};
    params->flush(first, &input_events, &output_events);
    const char* locale = option(count, arguments, "locale");
    if (locale != nullptr && std::setlocale(LC_NUMERIC, locale) == nullptr) fail("no such locale");
    constexpr uint64_t kAll = ~uint64_t(0);
    Bytes state{"", number(option(count, arguments, "write"), kAll)};
    const clap_ostream to_state = {&state, write_state};
    const auto* saver = static_cast<const clap_plugin_state*>(first->get_extension(first, CLAP_EXT_STATE));
    if (saver == nullptr || !saver->save(first, &to_state)) fail("the state cannot be saved");
    first->destroy(first);
    if (const char* symbol = option(count, arguments, "drop")) drop(state.content, symbol);
    state.part = number(option(count, arguments, "read"), kAll);

    const clap_plugin* plugin = make(factory);
    const clap_istream from_state = {&state, read_state};
    if (!saver->load(plugin, &from_state)) fail("the state cannot be loaded");
    std::setlocale(LC_NUMERIC, "C");
    if (const char* before = option(count, arguments, "before")) {
        if (plugin->activate(plugin, std::atof(before), 1, uint32_t(block))) plugin->deactivate(plugin);
    }
    if (!plugin->activate(plugin, rate, 1, uint32_t(block))) fail("the plugin cannot be activated");
    plugin->start_processing(plugin);
    for (uint32_t index = 0; index < params->count(plugin); ++index) {
        clap_param_info info;
        double value = 0.0;
        params->get_info(plugin, index, &info);
        params->get_value(plugin, info.id, &value);
        std::fprintf(stderr, "%s=%.6g\n", info.name, value);
    }

    std::vector<float*> in_rows(num_channels), out_rows(num_channels);
    const Events none;
    const std::size_t reset_at = number(option(count, arguments, "reset"), kAll / block) * block;
    for (std::size_t at = 0; at < num_samples; at += block) {
        for (std::size_t channel = 0; channel < num_channels; ++channel) {
            in_rows[channel] = in.data() + channel * num_samples + at;
            out_rows[channel] = out.data() + channel * num_samples + at;
        }
        if (at == reset_at) plugin->reset(plugin);
        clap_audio_buffer input{}, output{};
        input.data32 = in_rows.data();
        output.data32 = out_rows.data();
        input.channel_count = output.channel_count = uint32_t(num_channels);
        clap_process process{};
        process.steady_time = int64_t(at);
        process.frames_count = uint32_t(std::min(block, num_samples - at));
        process.audio_inputs = &input;
        process.audio_outputs = &output;
        process.audio_inputs_count = process.audio_outputs_count = 1;
        const clap_input_events no_events = {const_cast<Events*>(&none), num_events, event_at};
        process.in_events = &no_events;
        process.out_events = &output_events;
        if (plugin->process(plugin, &process) == CLAP_PROCESS_ERROR) fail("the plugin reports an error");
    }
    const auto* latency = static_cast<const clap_plugin_latency*>(plugin->get_extension(plugin, CLAP_EXT_LATENCY));
    std::fprintf(stderr, "latency=%u\n", latency == nullptr ? 0 : latency->get(plugin));
    plugin->stop_processing(plugin);
    plugin->deactivate(plugin);
    plugin->destroy(plugin);
    entry->deinit();
    std::fwrite(out.data(), sizeof(float), out.size(), stdout);
    return 0;
}
