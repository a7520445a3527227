"use strict";
// The core in WebAssembly, one denoiser for sound in blocks. For workers and worklets.

const INTERFACE = 3; // of hushgate.h

class Core {
  // wasm, weights: ArrayBuffer of the module and of a weights file. blockSize: largest block, samples.
  constructor(wasm, weights, sampleRate, numChannels, blockSize) {
    const module = new WebAssembly.Module(wasm);
    const imports = {};
    // Only what ends the program in an error calls the system.
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      imports[from] ??= {};
      imports[from][name] = () => 8; // WASI: bad file descriptor
    }
    this.calls = new WebAssembly.Instance(module, imports).exports;
    this.calls._initialize();
    const version = this.calls.hushgate_interface();
    if (version !== INTERFACE) throw new Error(`The core has interface ${version}, the page needs ${INTERFACE}.`);
    this.numChannels = numChannels;
    this.blockSize = blockSize;
    this.parameters = this.readParameters();
    this.denoiser = this.makeDenoiser(new Uint8Array(weights));
    if (this.calls.hushgate_prepare(this.denoiser, sampleRate, numChannels) !== 0) {
      throw new Error(`${numChannels} channels at ${sampleRate} Hz cannot be processed.`);
    }
    this.latency = this.calls.hushgate_latency(this.denoiser);
    const rowsBytes = 4 * numChannels * blockSize;
    this.input = this.calls.malloc(rowsBytes);
    this.output = this.calls.malloc(rowsBytes);
    this.meterBytes = this.calls.malloc(64);
    this.makeRows();
  }

  // Views of the memory, which has a new place after allocations. process allocates nothing.
  makeRows() {
    const { numChannels, blockSize } = this;
    const { buffer } = this.calls.memory;
    const row = (start, channel) => new Float32Array(buffer, start + 4 * channel * blockSize, blockSize);
    const channels = [...Array(numChannels).keys()];
    this.inputRows = channels.map((channel) => row(this.input, channel));
    this.outputRows = channels.map((channel) => row(this.output, channel));
    this.meterView = new DataView(buffer, this.meterBytes, 64);
  }

  // Numbers of the parameters by name.
  readParameters() {
    const numbers = new Map();
    for (let number = 0; ; number += 1) {
      const address = this.calls.hushgate_parameter_name(number);
      if (address === 0) return numbers;
      numbers.set(this.readText(address), number);
    }
  }

  readText(address) {
    const bytes = new Uint8Array(this.calls.memory.buffer);
    let text = "";
    for (let at = address; bytes[at] !== 0; at += 1) text += String.fromCharCode(bytes[at]);
    return text;
  }

  makeDenoiser(weights) {
    const file = this.calls.malloc(weights.length);
    const message = this.calls.malloc(256);
    new Uint8Array(this.calls.memory.buffer).set(weights, file);
    const model = this.calls.hushgate_model_read(file, weights.length, message, 256);
    if (model === 0) throw new Error(`The weights file cannot be used: ${this.readText(message)}.`);
    const denoiser = this.calls.hushgate_new(model, 0);
    this.calls.hushgate_model_free(model); // the denoiser keeps what it needs
    this.calls.free(file);
    this.calls.free(message);
    return denoiser;
  }

  // values: numbers by name, as hushgate.h counts. Names that the core lacks are left out.
  set(values) {
    for (const [name, value] of Object.entries(values)) {
      const number = this.parameters.get(name);
      if (number !== undefined) this.calls.hushgate_set(this.denoiser, number, value);
    }
  }

  // Begins a recording whose first samples are given, those that process gets next, and learns hum and, where the
  // model is to hear them, noise.
  begin(channels, isHeard) {
    const { length } = channels[0];
    const address = this.calls.malloc(4 * length * channels.length);
    const rows = new Float32Array(this.calls.memory.buffer, address, length * channels.length);
    channels.forEach((channel, index) => rows.set(channel, index * length));
    if (this.calls.hushgate_begin(this.denoiser, address, length, length, isHeard) !== 0) {
      throw new Error("Memory ran out.");
    }
    this.calls.free(address);
    this.makeRows();
  }

  // The next numSamples of inputRows to outputRows.
  process(numSamples) {
    const { denoiser, input, output, blockSize } = this;
    this.calls.hushgate_process_rows(denoiser, input, blockSize, output, blockSize, numSamples);
  }

  // What model and gate turn the sound down at this moment, dB: 0 to -60.
  readReduction() {
    this.calls.hushgate_read_meters(this.denoiser, this.meterBytes);
    const [before, after] = [0, 2].map((index) => this.meterView.getFloat64(8 * index, true));
    const gain = before > 0 ? Math.max(after, 1e-20) / before : 1;
    return Math.max(-60, Math.min(0, 10 * Math.log10(gain)));
  }
}
