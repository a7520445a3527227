// WAV files, and the rate of sound files.

// format: "float" or "24" or "16". Returns the file and how many samples were beyond full scale.
function writeWav(channels, sampleRate, format) {
  const bytes = format === "float" ? 4 : Number(format) / 8;
  const numSamples = channels[0].length;
  const dataBytes = numSamples * channels.length * bytes;
  const view = new DataView(new ArrayBuffer(44 + dataBytes + (dataBytes & 1)));
  const text = (at, word) => [...word].forEach((letter, index) => view.setUint8(at + index, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, view.byteLength - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, format === "float" ? 3 : 1, true);
  view.setUint16(22, channels.length, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * channels.length * bytes, true);
  view.setUint16(32, channels.length * bytes, true);
  view.setUint16(34, 8 * bytes, true);
  text(36, "data");
  view.setUint32(40, dataBytes, true);
  const scale = 2 ** (8 * bytes - 1);
  let numClipped = 0;
  let at = 44;
  for (let index = 0; index < numSamples; index += 1) {
    for (const channel of channels) {
      if (format === "float") {
        view.setFloat32(at, channel[index], true);
      } else {
        const wanted = Math.round(channel[index] * scale);
        const value = Math.max(-scale, Math.min(scale - 1, wanted));
        if (value !== wanted && Math.abs(wanted) > scale) numClipped += 1;
        if (bytes === 2) {
          view.setInt16(at, value, true);
        } else {
          view.setUint16(at, value & 0xffff, true);
          view.setInt8(at + 2, value >> 16);
        }
      }
      at += bytes;
    }
  }
  return { file: new Blob([view.buffer], { type: "audio/wav" }), numClipped };
}

// Rate in the header of a WAV or FLAC file; null for others, which the browser brings to 48 kHz.
function rateOfFile(bytes) {
  const view = new DataView(bytes);
  const text = (at, size) => String.fromCharCode(...new Uint8Array(bytes, at, size));
  if (view.byteLength < 44) return null;
  if (text(0, 4) === "fLaC") return (view.getUint16(18) << 4) | (view.getUint8(20) >> 4);
  if (text(0, 4) !== "RIFF" || text(8, 4) !== "WAVE") return null;
  for (let at = 12; at + 16 <= view.byteLength; ) {
    if (text(at, 4) === "fmt ") return view.getUint32(at + 12, true);
    const size = view.getUint32(at + 4, true);
    at += 8 + size + (size & 1);
  }
  return null;
}
