"""A copy of DPF's sources with what is wrong in version 1.6 put right."""

from __future__ import annotations

import shutil
from pathlib import Path

_CLAP = "DistrhoPluginCLAP.cpp"
_VST3 = "DistrhoPluginVST3.cpp"
# (file, text, what it becomes wherever it occurs).
_FIXES = (
    # A host need not have the latency extension.
    (
        _CLAP,
        "fHostExtensions.latency->changed(fHost);",
        "if (fHostExtensions.latency != nullptr) fHostExtensions.latency->changed(fHost);",
    ),
    # A host may take a part of what is written; the next part begins behind it.
    (
        _CLAP,
        "stream->write(stream, buffer, size - wrtntotal)",
        "stream->write(stream, buffer + wrtntotal, size - wrtntotal)",
    ),
    # A host may give a part of what is read. Behind it the zero of an earlier one would end a string early.
    (
        _CLAP,
        "            if (read == 0)\n                return true;\n",
        "            if (read == 0)\n                return true;\n\n            buffer[read] = '\\xff';\n",
    ),
    # Numbers in a state have a point, whatever the host's locale.
    *(
        (
            name,
            "fvalue = std::atof(value.buffer());",
            "{ const ScopedSafeLocale safe; fvalue = std::atof(value.buffer()); }",
        )
        for name in (_CLAP, _VST3)
    ),
    # A reset clears the sound, as switching off and on does.
    (
        _CLAP,
        "    void deactivate()\n    {\n        fPlugin.deactivate();\n",
        "    void reset()\n    {\n        if (!fPlugin.isActive()) return;\n        fPlugin.deactivate();\n"
        "        fPlugin.activate();\n    }\n\n"
        "    void deactivate()\n    {\n        fPlugin.deactivate();\n",
    ),
    (
        _CLAP,
        "clap_plugin_reset(const clap_plugin_t*)\n{\n    // nothing to do\n}",
        "clap_plugin_reset(const clap_plugin_t* const plugin)\n{\n"
        "    static_cast<PluginCLAP*>(plugin->plugin_data)->reset();\n}",
    ),
    # After the end of the input the output goes on for as long as it is late.
    (
        _VST3,
        "getTailSamples() const noexcept\n    {\n        return 0;\n",
        "getTailSamples() const noexcept\n    {\n        return fPlugin.getLatency();\n",
    ),
)


class DpfError(RuntimeError):
    """The sources are another version of DPF."""


def copy_fixed_dpf(dpf: Path, work: Path) -> Path:
    """Copy DPF's sources into a folder, put right what is wrong, and return the copy.

    Raises:
        DpfError: A text is missing, because this is another version of DPF.
    """
    copy = work / "dpf"
    for folder in ("distrho", "dgl"):
        shutil.copytree(dpf / folder, copy / folder)
    for name, wrong, right in _FIXES:
        source = copy / "distrho" / "src" / name
        text = source.read_text(encoding="utf-8")
        if wrong not in text:
            raise DpfError(f"{dpf} must be DPF 1.6: {name} lacks {wrong!r}. Install Debian's dpf-source.")
        source.write_text(text.replace(wrong, right), encoding="utf-8")
    return copy
