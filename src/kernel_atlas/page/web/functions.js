// The view of the DoG family: a function with the parameters that the reader sets, and kernels near it.

const FINE = 96; // pixels across the picture of a function

const units = new Map(); // by size: the kernels of its pool, centred and of unit norm

function unitsOf(k, rows) {
  if (!units.has(k)) units.set(k, Array.from({ length: rows.n }, (_, i) => unit(rows.kernel(i))));
  return units.get(k);
}

// The value of a knob in the address, within its limits; its first value if there is none.
function readKnob({ name, low, high, first }, query) {
  const value = Number(query[name] || first);
  return Number.isNaN(value) ? first : Math.min(high, Math.max(low, value));
}

async function showFamily({ parts, query }) {
  const sizes = Object.keys(run.thresholds);
  const k = sizes.includes(parts[1]) ? parts[1] : sizes.at(-1);
  const labels = run.members.filter(label => kindOf(label) !== "square" || k === "5");
  const label = labels.includes(parts[2]) ? parts[2] : labels[0];
  const pool = await load(`pool-${k}`);
  const rows = pool && rowsOf(pool, Number(k));
  const kernels = rows && unitsOf(k, rows);
  const knobs = knobsOf(label, Number(k));
  const values = { ratio: Infinity, direction: 0, aspect: 1 };
  for (const knob of knobs) values[knob.name] = readKnob(knob, query);
  const panel = h("div", { id: "function" });
  function update() {
    const parameters = { ...values, ratio: values.ratio >= MAX_RATIO ? Infinity : values.ratio };
    const member = memberOf(label, parameters, Number(k));
    const dissimilarity = kernel => 1 - kernel.reduce((sum, value, j) => sum + value * member[j], 0);
    const distances = kernels && Float64Array.from(kernels, dissimilarity);
    const cardOf = i => {
      const { text, href } = linkToModel(rows, i);
      return card(rows, i, { text: `${number(distances[i])} from it: ${text}`, href });
    };
    panel.replaceChildren(
      h("div", { class: "show" },
        drawKernel(evaluate(label, parameters, FINE, k / FINE), FINE, "The function", "big smooth"),
        drawKernel(member, Number(k), `The function on a grid of ${k}x${k} pixels`, "big")),
      h("h2", {}, "Nearest kernels"),
      rows ? grid(nearest(rows, distances).map(cardOf), true) : h("p", {}, `No model has ${k}x${k} kernels.`));
  }
  const sliders = knobs.map(({ name, title, low, high, step, show }) => {
    const shown = h("output", { for: `knob-${name}` }, show(values[name]));
    const slider = h("input", { type: "range", id: `knob-${name}`, min: low, max: high, step, value: values[name],
      oninput: ({ target }) => {
        values[name] = Number(target.value);
        shown.textContent = show(values[name]);
        update();
        const query = Object.fromEntries(knobs.map(knob => [knob.name, values[knob.name]]));
        setAddress(address(["family", k, label], query));
      } });
    return [h("label", { for: `knob-${name}` }, title), slider, shown];
  });
  update();
  return [
    h("h1", {}, `The DoG family: ${titleOf(label)}`),
    h("p", {}, "Move the parameters of a function. You see the function, its values on a grid of pixels, and the " +
      `nearest kernels of the run (from a sample of each class), with the member of each. ${KEY}`),
    h("div", { class: "tools" }, sizeLinks(sizes, k, size => ["family", size, label])),
    legend(labels, name => address(["family", k, name]), label),
    h("div", { class: "knobs" }, sliders),
    panel,
  ];
}
