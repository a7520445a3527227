// The panel of models, presets and parameters.

const MAIN_PARAMETERS = ["attenuation_limit_db", "gate_threshold_db", "hum_reduction_db", "mix"];
const SLIDER_STEPS = 1000;
const TIME_SKEW = 3; // short times get most of a slider

class Settings {
  // catalogue: parameters, models and presets of the page; onChange is called after every change.
  constructor(catalogue, onChange) {
    this.catalogue = catalogue;
    this.onChange = onChange;
    this.values = {};
    this.controls = new Map();
    for (const model of catalogue.models) this.addModel(model);
    for (const preset of catalogue.presets) {
      document.querySelector("#preset").append(new Option(preset.name, preset.name));
    }
    const rank = ({ name }) => (MAIN_PARAMETERS.indexOf(name) + 1 || MAIN_PARAMETERS.length + 1);
    for (const parameter of catalogue.parameters.toSorted((one, other) => rank(one) - rank(other))) {
      this.addParameter(parameter);
    }
    document.querySelector("#preset").addEventListener("change", ({ target }) => this.usePreset(target.value));
    document.querySelector("#reset").addEventListener("click", () => this.useDefaults());
    this.useDefaults();
  }

  addModel({ name, title, description, latency_ms }) {
    const label = document.querySelector("#model-choice").content.cloneNode(true).firstElementChild;
    const input = label.querySelector("input");
    input.value = name;
    input.addEventListener("change", () => {
      this.model = name;
      this.changed();
    });
    label.querySelector("strong").textContent = title;
    label.querySelector("small").textContent = `${description} ${Math.round(latency_ms)} ms of latency.`;
    document.querySelector("#models").append(label);
  }

  addParameter(parameter) {
    const kind = parameter.choices ? "#choice-control" : "#slider-control";
    const control = document.querySelector(kind).content.cloneNode(true).firstElementChild;
    const input = control.querySelector("input, select");
    const help = control.querySelector("small");
    input.id = parameter.name;
    help.id = `${parameter.name}-help`;
    input.setAttribute("aria-describedby", help.id);
    control.querySelector("label").htmlFor = parameter.name;
    control.querySelector("label").textContent = parameter.label;
    help.textContent = parameter.description;
    if (parameter.choices) {
      for (const choice of parameter.choices) input.append(new Option(choice, choice));
    } else {
      input.max = SLIDER_STEPS;
    }
    input.addEventListener("input", () => {
      this.values[parameter.name] = parameter.choices
        ? parameter.choices.indexOf(input.value)
        : fromSlider(parameter, Number(input.value));
      this.showText(parameter);
      this.changed();
    });
    const isMain = MAIN_PARAMETERS.includes(parameter.name);
    document.querySelector(isMain ? "#main-parameters" : "#more-parameters").append(control);
    this.controls.set(parameter.name, { input, text: control.querySelector("output") });
  }

  // Values are as the core counts: choices from 0, no limit infinite, the gate that is off minus infinity.
  show(parameter) {
    const { input } = this.controls.get(parameter.name);
    const value = this.values[parameter.name];
    input.value = parameter.choices ? parameter.choices[value] : toSlider(parameter, value);
    this.showText(parameter);
  }

  showText(parameter) {
    const { input, text } = this.controls.get(parameter.name);
    if (!text) return;
    text.textContent = inWords(parameter, this.values[parameter.name]);
    input.setAttribute("aria-valuetext", text.textContent);
  }

  use(model, values) {
    this.model = model;
    for (const parameter of this.catalogue.parameters) {
      this.values[parameter.name] = asNumber(parameter, values[parameter.name] ?? parameter.default);
      this.show(parameter);
    }
    for (const input of document.querySelectorAll("#models input")) input.checked = input.value === model;
  }

  useDefaults() {
    document.querySelector("#preset").value = "";
    this.use(this.model ?? this.catalogue.models[0].name, {});
    this.onChange();
  }

  usePreset(name) {
    const preset = this.catalogue.presets.find((one) => one.name === name);
    if (preset) this.use(preset.model, preset.values);
    else this.use(this.model, {});
    this.onChange();
  }

  changed() {
    document.querySelector("#preset").value = "";
    this.onChange();
  }
}

// JSON has no infinity: the word of a parameter's end stands for it.
function asNumber(parameter, value) {
  if (parameter.choices) return parameter.choices.indexOf(value);
  if (value !== parameter.end_word) return value;
  return parameter.end === parameter.maximum ? Infinity : -Infinity;
}

function skew(parameter) {
  return parameter.unit === "ms" ? TIME_SKEW : 1;
}

function toSlider(parameter, value) {
  const { minimum, maximum } = parameter;
  const share = (Math.max(minimum, Math.min(maximum, value)) - minimum) / (maximum - minimum);
  return Math.round(SLIDER_STEPS * share ** (1 / skew(parameter)));
}

function fromSlider(parameter, steps) {
  const { minimum, maximum, end, end_word } = parameter;
  const value = minimum + (steps / SLIDER_STEPS) ** skew(parameter) * (maximum - minimum);
  if (end_word && value === end) return asNumber(parameter, end_word);
  const digits = parameter.unit === "" ? 1000 : parameter.unit === "ms" && value >= 20 ? 1 : 10;
  return Math.round(value * digits) / digits;
}

function inWords(parameter, value) {
  if (!Number.isFinite(value)) return parameter.end_word;
  if (parameter.unit === "") return `${Math.round(100 * value)} %`;
  const digits = parameter.unit === "ms" ? (value < 20 ? 1 : 0) : 1;
  return `${value.toFixed(digits).replace("-", "\u2212")} ${parameter.unit}`;
}
