// The DoG family, as in family/functions.py, which has the formulas and their source.

const SQRT_12 = Math.sqrt(12);
const MAX_RATIO = 8; // of the slider, at whose end the ratio is infinite
const DEGREES = { right: 0, down: 90, left: 180, up: -90 };
const kindOf = label =>
  label.includes("first") ? "first" : label.includes("second") ? "second" : label.split("_")[1];

// Values of a member on a grid of n x n points, `step` pixels apart.
function evaluate(label, p, n, step = 1) {
  const kind = kindOf(label);
  const sign = label.startsWith("off_") ? -1 : 1;
  const angle = (p.direction * Math.PI) / 180;
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const bell = (t, s) => Math.exp(-(t * t) / (2 * s * s));
  const arm = t => bell(t, p.sigma) - (p.ratio < Infinity ? bell(t, p.sigma * p.ratio) / p.ratio : 0);
  const inside = t =>
    Math.min(1, Math.max(0, ((p.sigma * SQRT_12) / 2 - Math.abs(t)) / step + 0.5));
  const values = new Float64Array(n * n);
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < n; column++) {
      const x = (column - (n - 1) / 2) * step - p.shift_x;
      const y = (row - (n - 1) / 2) * step - p.shift_y;
      const u = x * cosine + y * sine;
      const v = y * cosine - x * sine;
      const envelope = () => bell(u, p.sigma) * bell(v, p.sigma * p.aspect);
      const value = {
        centre: () => {
          const wide = p.sigma * p.ratio;
          const around = p.ratio < Infinity ? (bell(x, wide) * bell(y, wide)) / p.ratio ** 2 : 0;
          return bell(x, p.sigma) * bell(y, p.sigma) - around;
        },
        cross: () => arm(x) + arm(y),
        square: () => inside(x) * inside(y),
        first: () => u * envelope(),
        second: () => (1 - (u * u) / (p.sigma * p.sigma)) * envelope(),
      }[kind]();
      values[row * n + column] = sign * value;
    }
  }
  return values;
}

// Centre a kernel and divide it by its norm; zeros if it is constant.
function unit(kernel) {
  const mean = kernel.reduce((sum, value) => sum + value, 0) / kernel.length;
  const centred = Float64Array.from(kernel, value => value - mean);
  const norm = Math.sqrt(centred.reduce((sum, value) => sum + value * value, 0));
  const peak = kernel.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return centred.map(value => (norm <= 1e-12 * peak ? 0 : value / norm));
}

const memberOf = (label, parameters, size) => unit(evaluate(label, parameters, size));

// The sliders of a class: name, limits, first value, step, and how a value is shown.
function knobsOf(label, size) {
  const kind = kindOf(label);
  const degrees = DEGREES[label.split("_")[2]] ?? 0;
  const turn = kind === "first" ? 45 : 90;
  const width = { name: "sigma", title: "width", low: 2.5 / SQRT_12, high: size / SQRT_12, first: 3 / SQRT_12,
    show: sigma => `${(sigma * SQRT_12).toFixed(2)} px` };
  const sigma = { name: "sigma", title: "sigma", low: 0.4, high: size / 2, first: size / 7,
    show: value => `${value.toFixed(2)} px` };
  const ratio = { name: "ratio", title: "ratio of the widths", low: 1.05, high: MAX_RATIO, first: 1.6,
    show: value => (value >= MAX_RATIO ? "infinite" : value.toFixed(2)) };
  const direction = { name: "direction", title: "direction", low: degrees - turn, high: degrees + turn,
    first: degrees, step: 1, show: angle => `${angle.toFixed(0)}°` };
  const aspect = { name: "aspect", title: "aspect", low: 0.5, high: 2, first: 1, show: value => value.toFixed(2) };
  const shift = (name, title) => (
    { name, title, low: -1, high: 1, first: 0, show: value => `${value.toFixed(2)} px` });
  const own = { square: [width], first: [sigma, direction, aspect], second: [sigma, direction, aspect] };
  const knobs = [
    ...(own[kind] ?? [sigma, ratio]), shift("shift_x", "shift to the right"), shift("shift_y", "shift down")];
  return knobs.map(knob => ({ step: 0.01, ...knob }));
}
