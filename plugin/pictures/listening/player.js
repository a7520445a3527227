"use strict";
// Each player holds the versions of one recording. All of them run at once and one is heard, so that a change
// from one to another has no gap; the others are kept at its place.
(() => {
  const STEP_MS = 100, FADE_MS = 20, FADE_STEPS = 5, FAR_S = 0.3, NEAR_S = 0.008, PATIENCE_MS = 4000;
  // Not zero: browsers give a sound that was never heard no output, and making one takes 50 ms.
  const INAUDIBLE = 1e-4;
  const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;
  // Telephones leave the volume to their keys. Elsewhere muting is avoided: it disturbs the place.
  const probe = new Audio();
  probe.volume = 0.5;
  const canFade = probe.volume === 0.5;
  let latest = null;
  const stops = [];

  function setUp(player) {
    const find = (query) => player.querySelector(query);
    const sounds = [...player.querySelectorAll("audio")];
    const figures = sounds.map((sound) => sound.closest("figure"));
    const choices = [...player.querySelectorAll("input[type=radio]")];
    const play = find(".play"), seek = find(".seek"), time = find(".time"), matched = find(".matched");
    const duration = Number(player.dataset.duration);
    let heard = 0, place = 0, timer = null, fade = null;
    const usable = () => sounds.filter((sound) => !sound.error);
    const gain = (index) => index !== heard ? INAUDIBLE : Number(
      matched && !matched.checked ? sounds[index].dataset.real : sounds[index].dataset.matched);

    function setVolumes() {
      clearInterval(fade);
      const from = sounds.map((sound) => sound.volume);
      let step = 0;
      fade = setInterval(() => {
        step += 1;
        sounds.forEach((sound, index) => {
          sound.volume = Math.min(1, from[index] + (gain(index) - from[index]) * step / FADE_STEPS);
          if (!canFade) sound.muted = index !== heard;
        });
        if (step === FADE_STEPS) clearInterval(fade);
      }, FADE_MS / FADE_STEPS);
    }
    function show() {
      seek.value = place;
      seek.setAttribute("aria-valuetext", clock(place));
      time.textContent = `${clock(place)} / ${clock(duration)}`;
      for (const head of player.querySelectorAll(".head")) head.style.left = `${100 * place / duration}%`;
    }
    function follow() {
      const leader = sounds[heard];
      place = Math.min(duration, leader.currentTime);
      if (leader.ended) { stop(); place = 0; }
      for (const sound of usable()) {
        const ahead = sound.currentTime - leader.currentTime;
        if (sound === leader) continue;
        if (Math.abs(ahead) > FAR_S) sound.currentTime = leader.currentTime;
        // A change of the rate disturbs the sound for some milliseconds: none where the place is right.
        const rate = Math.abs(ahead) < NEAR_S ? 1 : 1 - Math.max(-0.2, Math.min(0.2, 2 * ahead));
        if (sound.playbackRate !== rate) sound.playbackRate = rate;
      }
      show();
    }
    const ready = (sound) => new Promise((resolve) => {
      if (sound.readyState >= 3 || sound.error) return resolve();
      sound.addEventListener("canplay", resolve, { once: true });
      sound.addEventListener("error", resolve, { once: true });
      setTimeout(resolve, PATIENCE_MS);
      sound.preload = "auto";
      sound.load();
    });
    async function start() {
      stops.forEach((other) => other());
      latest = toggle;
      play.textContent = "Pause";
      timer = setInterval(follow, STEP_MS);
      await Promise.all(sounds.map(ready));
      if (timer === null) return;
      for (const sound of usable()) { sound.preservesPitch = false; sound.currentTime = place; }
      setVolumes();
      await Promise.allSettled(usable().map((sound) => sound.play()));
      if (timer === null) stop();
    }
    function stop() {
      clearInterval(timer);
      timer = null;
      sounds.forEach((sound) => sound.pause());
      play.textContent = "Play";
    }
    const toggle = () => { if (timer === null) start(); else stop(); };
    function move(to) {
      place = Math.max(0, Math.min(duration, to));
      for (const sound of usable()) if (sound.readyState > 0) sound.currentTime = place;
      show();
    }
    function hear(index) {
      if (!choices[index] || choices[index].disabled) return;
      heard = index;
      choices[index].checked = true;
      figures.forEach((figure, number) => figure.classList.toggle("heard", number === index));
      if (sounds[index].playbackRate !== 1) sounds[index].playbackRate = 1;
      if (timer !== null) setVolumes();
    }
    toggle.hear = hear;
    stops.push(stop);
    play.addEventListener("click", toggle);
    seek.addEventListener("input", () => move(Number(seek.value)));
    choices.forEach((choice, index) => choice.addEventListener("change", () => hear(index)));
    if (matched) matched.addEventListener("change", () => { if (timer !== null) setVolumes(); });
    sounds.forEach((sound, index) => sound.addEventListener("error", () => {
      if (choices[index]) choices[index].disabled = true;
      if (!figures[index].querySelector(".error")) {
        const note = document.createElement("p");
        note.className = "error";
        note.textContent = "This browser cannot play this file.";
        figures[index].append(note);
      }
      if (index === heard) { const next = sounds.findIndex((other) => !other.error); if (next >= 0) hear(next); }
    }));
    for (const picture of player.querySelectorAll(".plot")) {
      picture.addEventListener("click", (event) => {
        const box = picture.getBoundingClientRect();
        move(duration * (event.clientX - box.left) / box.width);
      });
    }
    find(".transport").hidden = false;
    player.classList.add("ready");
    sounds.forEach((sound) => { sound.controls = false; });
    hear(0);
    show();
    if (!latest) latest = toggle;
  }
  document.querySelectorAll(".player").forEach(setUp);
  document.addEventListener("keydown", (event) => {
    if (!latest || event.ctrlKey || event.metaKey || event.altKey) return;
    const isControl = event.target.matches("button, input, a, summary");
    if (event.key === " " && !isControl) { event.preventDefault(); latest(); }
    if (["1", "2", "3"].includes(event.key)) latest.hear(Number(event.key) - 1);
  });
})();
