// One transport for three sounds of equal length.

const SWITCH_S = 0.015;
const LOUDEST_DBFS = -1;
const MOST_GAIN_DB = 30;

class Player {
  constructor(onChange) {
    this.onChange = onChange;
    this.sounds = null;
    this.side = "after";
    this.offset = 0;
    this.isPlaying = false;
    this.isMatched = true;
    this.isRepeating = false;
    this.playing = null;
  }

  // sounds: {before, after, removed}, each {channels, loudness, peak}; null for none.
  load(sounds, sampleRate) {
    const isSame = this.sounds !== null && sounds !== null && this.sounds.before === sounds.before;
    const wasPlaying = this.isPlaying;
    const position = this.position;
    this.pause();
    if (this.context?.sampleRate !== sampleRate) {
      this.context?.close();
      this.context = null;
    }
    this.sounds = sounds;
    this.sampleRate = sampleRate;
    this.buffers = null;
    this.offset = isSame ? position : 0;
    if (isSame && wasPlaying) this.play();
    this.onChange();
  }

  get duration() {
    return this.sounds === null ? 0 : this.sounds.before.channels[0].length / this.sampleRate;
  }

  get position() {
    if (!this.isPlaying) return this.offset;
    const late = this.context.outputLatency || 0;
    const played = Math.max(0, this.context.currentTime - late - this.startTime);
    return this.isRepeating ? (this.offset + played) % this.duration : Math.min(this.duration, this.offset + played);
  }

  // Gains that bring the three to one loudness, without a peak above -1 dBFS.
  gains() {
    const sides = Object.entries(this.sounds);
    if (!this.isMatched) return Object.fromEntries(sides.map(([side]) => [side, 1]));
    const heard = sides.filter(([, sound]) => Number.isFinite(sound.loudness));
    const within = (sound) =>
      sound.loudness + Math.min(MOST_GAIN_DB, LOUDEST_DBFS - 20 * Math.log10(sound.peak));
    const common = Math.min(
      this.sounds.before.loudness,
      ...heard.map(([, sound]) => within(sound)),
    );
    return Object.fromEntries(
      sides.map(([side, sound]) => {
        const gain = Number.isFinite(sound.loudness) ? common - sound.loudness : 0;
        return [side, 10 ** (gain / 20)];
      }),
    );
  }

  prepare() {
    this.context ??= new AudioContext({ sampleRate: this.sampleRate });
    this.buffers ??= Object.fromEntries(
      Object.entries(this.sounds).map(([side, { channels }]) => {
        const buffer = this.context.createBuffer(channels.length, channels[0].length, this.sampleRate);
        channels.forEach((channel, index) => buffer.copyToChannel(channel, index));
        return [side, buffer];
      }),
    );
  }

  play() {
    if (this.sounds === null || this.isPlaying) return;
    this.prepare();
    this.context.resume();
    if (this.offset >= this.duration - 0.01) this.offset = 0;
    this.startTime = this.context.currentTime + 0.02;
    const gains = this.gains();
    this.playing = Object.entries(this.buffers).map(([side, buffer]) => {
      const source = new AudioBufferSourceNode(this.context, { buffer, loop: this.isRepeating });
      const gain = new GainNode(this.context, { gain: 0 });
      source.connect(gain).connect(this.context.destination);
      source.start(this.startTime, this.offset);
      gain.gain.setTargetAtTime(side === this.side ? gains[side] : 0, this.startTime, SWITCH_S / 3);
      return { side, source, gain };
    });
    this.playing[0].source.onended = () => {
      this.pause();
      this.offset = 0;
      this.onChange();
    };
    this.isPlaying = true;
    this.onChange();
  }

  pause() {
    if (!this.isPlaying) return;
    this.offset = this.position;
    this.isPlaying = false;
    for (const { source, gain } of this.playing) {
      source.onended = null;
      gain.gain.setTargetAtTime(0, this.context.currentTime, SWITCH_S / 3);
      source.stop(this.context.currentTime + 2 * SWITCH_S);
    }
    this.onChange();
  }

  seek(position) {
    const wasPlaying = this.isPlaying;
    this.pause();
    this.offset = Math.max(0, Math.min(this.duration, position));
    if (wasPlaying) this.play();
    this.onChange();
  }

  listenTo(side) {
    this.side = side;
    this.applyGains();
    this.onChange();
  }

  setMatched(isMatched) {
    this.isMatched = isMatched;
    this.applyGains();
  }

  setRepeating(isRepeating) {
    const position = this.position;
    this.isRepeating = isRepeating;
    if (this.isPlaying) this.seek(position);
  }

  applyGains() {
    if (!this.isPlaying) return;
    const gains = this.gains();
    for (const { side, gain } of this.playing) {
      const value = side === this.side ? gains[side] : 0;
      gain.gain.setTargetAtTime(value, this.context.currentTime, SWITCH_S / 3);
    }
  }
}
