// The live path: microphone in, one of the three sounds out, everything recorded.

const BLOCK_SAMPLES = 128; // as the Web Audio API has it
const RECORDED_SAMPLES = 4096;

class LiveProcessor extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    const { wasm, weights, values, numChannels, listen } = processorOptions;
    this.wasm = wasm;
    this.numChannels = numChannels;
    this.listen = listen;
    this.useModel(weights);
    this.core.set(values);
    this.newRecording();
    this.port.onmessage = ({ data }) => {
      if (data.weights) this.useModel(data.weights);
      if (data.values) this.core.set(data.values);
      if (data.listen) this.listen = data.listen;
      if (data.end) {
        this.sendRecording();
        this.port.postMessage({ ended: true });
      }
    };
  }

  useModel(weights) {
    this.core = new Core(this.wasm, weights, sampleRate, this.numChannels, BLOCK_SAMPLES);
    const length = this.core.latency + BLOCK_SAMPLES;
    this.delayed = Array.from({ length: this.numChannels }, () => new Float32Array(length));
  }

  newRecording() {
    this.recording = this.delayed.map(() => new Float32Array(RECORDED_SAMPLES));
    this.numRecorded = 0;
  }

  sendRecording() {
    const channels = this.recording.map((channel) => channel.subarray(0, this.numRecorded));
    let peak = 0;
    for (const channel of channels) for (const sample of channel) peak = Math.max(peak, Math.abs(sample));
    this.port.postMessage({ channels, meters: { peak, reduction: this.core.readReduction() } });
    this.newRecording();
  }

  process([input], [output]) {
    if (input.length === 0) return true;
    const numSamples = output[0].length;
    this.core.inputRows.forEach((row, channel) => row.set(input[Math.min(channel, input.length - 1)]));
    this.core.process(numSamples);
    output.forEach((out, channel) => {
      const at = Math.min(channel, this.numChannels - 1);
      const delayed = this.delay(at, numSamples);
      const after = this.core.outputRows[at];
      for (let index = 0; index < numSamples; index += 1) {
        if (this.listen === "after") out[index] = after[index];
        else if (this.listen === "before") out[index] = delayed[index];
        else if (this.listen === "removed") out[index] = delayed[index] - after[index];
      }
    });
    this.core.inputRows.forEach((row, channel) => {
      this.recording[channel].set(row.subarray(0, numSamples), this.numRecorded);
    });
    this.numRecorded += numSamples;
    if (this.numRecorded === RECORDED_SAMPLES) this.sendRecording();
    return true;
  }

  // The input of a channel, as late as the output.
  delay(channel, numSamples) {
    const line = this.delayed[channel];
    line.copyWithin(0, numSamples);
    line.set(this.core.inputRows[channel].subarray(0, numSamples), line.length - numSamples);
    return line;
  }
}

registerProcessor("hushgate", LiveProcessor);
