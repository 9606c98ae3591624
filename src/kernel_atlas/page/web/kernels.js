// The views that show kernels: a model, a code of the spectrum, a function of the family.

// A kernel with what both rulers say of it. In a pool, `where` names its model too.
function card(rows, i, where = null) {
  const member = rows.member[i] === 255 ? null : classAt(rows.member[i]);
  const parameters = rows.sigma && member && Object.fromEntries(
    ["sigma", "ratio", "direction", "aspect", "shift_x", "shift_y"].map(name => [name, rows[name][i]]));
  const own = drawKernel(rows.kernel(i), rows.size, `Kernel of channel ${rows.channel[i]}`);
  const drawn = parameters &&
    drawKernel(memberOf(member.name, parameters, rows.size), rows.size, `Its member: ${member.title}`);
  return h("li", { "data-channel": rows.channel[i], "data-layer": rows.layer[i] },
    h("div", { class: "pair" }, own, drawn),
    where && [h("a", { href: where.href }, where.text), h("br")],
    `channel ${rows.channel[i]}`, h("br"),
    Number.isNaN(rows.code[i]) ? null : [`code ${number(rows.code[i])} (${number(rows.dissimilarity[i])})`, h("br")],
    member ? `${member.title} (${number(rows.residual[i])}), lead ${number(rows.lead[i])}${rows.matched[i] ? "" : ", not matched"}` : "dead");
}

const KEY = "In brackets: the dissimilarity to the code, and to the member of the family.";
const grid = (cards, wide) => h("ul", { class: wide ? "kernels wide" : "kernels" }, cards);

async function showModel({ parts }) {
  const [, id, asked, layer, label] = parts;
  const model = run.models.find(entry => entry.model === id);
  if (!model) return unknown(`No model is called ${id}.`);
  const size = model.sizes.find(entry => String(entry.kernel_size) === asked) ?? model.sizes[0];
  const title = [
    h("h1", {}, model.model),
    h("p", { class: "muted" }, [model.family, model.source, `role ${model.role}`].filter(Boolean).join(" · ")),
  ];
  if (!size) return [...title, h("p", {}, model.note ?? "This model has no kernels of a size that is measured.")];
  const k = size.kernel_size;
  const rows = rowsOf(await load(`model-${id}`), k, `${k}.`);
  const one = layer && layer !== "all" ? size.layers.find(entry => entry.name === layer) : null;
  if (layer && layer !== "all" && !one) return unknown(`${id} has no layer ${layer} with ${k}x${k} kernels.`);
  const counts = one ? (one[ruler] ?? []) : totals(size);
  const limit = label ? 96 : one ? 24 : 8;
  const groups = run.classes.flatMap((entry, place) => {
    if (!counts[place] || (label && entry.name !== label)) return [];
    const own = Array.from(rows[ruler].keys()).filter(i =>
      rows[ruler][i] === place && (!one || rows.layer[i] === one.index));
    const step = Math.max(1, own.length / limit); // evenly over the layers
    const found = Array.from({ length: Math.min(limit, own.length) }, (_, i) => own[Math.floor(i * step)]);
    return [[
      h("h2", {}, h("span", { class: "swatch", style: `background: ${entry.colour}` }),
        `${entry.title}: ${thousands(counts[place])} kernels`,
        found.length < counts[place] ? `, ${found.length} of them shown` : ""),
      grid(found.map(i => card(rows, i, one ? null : nameLayer(model, size, rows.layer[i])))),
    ]];
  });
  const present = run.classes.filter((_, place) => totals(size)[place]).map(entry => entry.name);
  const side = h("section", { class: "side", id: "side", "aria-label": "Kernels" },
    h("h2", {}, one ? `Layer ${one.name}` : "All layers"),
    h("p", { class: "muted" }, KEY),
    groups.length ? groups : h("p", {}, size.layers.some(entry => entry[ruler])
      ? "No kernel of this class here." : `${k}x${k} kernels have no codebook: read them by the family's ruler.`));
  return [
    ...title, controls(model),
    h("div", { class: "tools" }, h("nav", { "aria-label": "Kernel size" }, model.sizes.map(({ kernel_size }) => h("a", {
      href: address(["model", id, kernel_size]), "aria-current": kernel_size === k }, `${kernel_size}x${kernel_size}`)))),
    h("div", { class: "split" },
      h("section", { "aria-label": "Layers" }, h("h2", {}, `Classes by layer, by ${RULERS[ruler]}`),
        legend(present, name => address(["model", id, k, layer ?? "all", name]), label),
        h("p", {}, h("a", { href: address(["model", id, k]), "aria-current": !layer }, "All layers and classes"), " · ",
          h("a", { href: address(["compare", id]) }, "Compare with another model")),
        bars(model, size, { layer, label })),
      side),
  ];
}

function nameLayer(model, size, index) {
  const layer = size.layers.find(entry => entry.index === index);
  return { text: layer.name, href: address(["model", model.model, size.kernel_size, layer.name]) };
}

function nameModel(rows, i) {
  const model = run.models.find(entry => entry.model === run.order[rows.model[i]]);
  const size = model.sizes.find(entry => entry.kernel_size === rows.size);
  const { text, href } = nameLayer(model, size, rows.layer[i]);
  return { text: `${model.model}, ${text}`, href };
}

// The best places of a pool by `distance`, no more of one model than their number asks for.
function nearest(rows, distance, n) {
  const places = Array.from({ length: rows.n }, (_, i) => i).filter(i => distance[i] < Infinity);
  places.sort((a, b) => distance[a] - distance[b]);
  const most = Math.ceil(n / Math.max(1, new Set(rows.model).size));
  const taken = new Map();
  return places.filter(i => {
    const count = taken.get(rows.model[i]) ?? 0;
    taken.set(rows.model[i], count + 1);
    return count < most;
  }).slice(0, n);
}

const sizeLinks = (view, sizes, k, rest = []) => h("nav", { "aria-label": "Kernel size" }, sizes.map(size =>
  h("a", { href: address([view, size, ...rest]), "aria-current": size === k }, `${size}x${size}`)));

async function showCode({ parts }) {
  const sizes = Object.keys(run.codes);
  // #code/0.42 is of the smallest size with a spectrum
  const [k, wanted] = sizes.includes(parts[1])
    ? [parts[1], parts[2]]
    : [sizes.find(size => run.codes[size].ordered) ?? sizes[0], parts[1]];
  if (!k) return unknown("No size of this run has a codebook.");
  const [code, pool] = [await load(`code-${k}`), await load(`pool-${k}`)];
  const { ordered, intervals } = run.codes[k];
  const rows = pool && rowsOf(pool, Number(k));
  const n = code.codes.length;
  const place0 = Math.round(Number(wanted ?? 0.42) * (n - 1));
  let place = place0 >= 0 && place0 < n ? place0 : 0;
  const panel = h("div", { id: "code" });
  const area = k * k;
  function update() {
    const at = code.codes[place];
    const label = classAt(code.labels[place]);
    const interval = intervals.find(({ start, stop }) => at >= start && at < stop) ?? intervals.find(({ stop }) => at === 1 && stop === 1);
    const kernel = code.kernels.subarray(place * area, (place + 1) * area);
    const distance = rows && Float64Array.from(rows.code, (own, i) => (rows.near[i] ? Math.abs(own - at) : Infinity));
    panel.replaceChildren(
      h("div", { class: "show" }, drawKernel(kernel, Number(k), `The kernel that code ${number(at)} stands for`, "big"),
        h("div", {}, h("h2", { "aria-live": "polite" }, h("span", { class: "swatch", style: `background: ${label.colour}` }),
          `${ordered ? "Code" : "Centre"} ${number(at)}: ${label.title}`),
        interval ? h("p", {}, `Interval ${number(interval.start)} to ${number(interval.stop)}` +
          (interval.purity === null ? "" : `; ${percent(100 * interval.purity)} of its matched near kernels are members of its class`) +
          (interval.note ? ` (${interval.note})` : "")) : null,
        h("p", { class: "muted" }, `Below: near kernels with the closest codes, and the member of each. ${KEY}`))),
      grid(rows ? nearest(rows, distance, 12).map(i => card(rows, i, nameModel(rows, i))) : [], true));
    history.replaceState(null, "", address(["code", k, number(at)]));
  }
  const slider = h("input", { type: "range", class: "long", id: "slider", min: 0, max: n - 1, value: place,
    "aria-label": ordered ? "Code" : "Centre", "aria-valuetext": number(code.codes[place]), oninput: ({ target }) => {
      place = Number(target.value);
      target.setAttribute("aria-valuetext", number(code.codes[place]));
      update();
    } });
  update();
  const present = run.classes.filter((_, i) => code.labels.includes(i)).map(entry => entry.name);
  const middle = name => {
    const places = Array.from(code.labels.keys()).filter(i => classAt(code.labels[i]).name === name);
    return address(["code", k, number(code.codes[places[places.length >> 1]])]);
  };
  return [
    h("h1", {}, ordered ? "Spectrum" : "Centres of k-means"),
    h("p", {}, ordered ? "Every code from 0 to 1 stands for a kernel. Slide along them, or choose a class."
      : "Each centre stands for a kernel. Slide along them, or choose a class."),
    h("div", { class: "tools" }, sizeLinks("code", sizes, k)),
    slider,
    h("div", { class: "strip", "aria-hidden": "true" }, Array.from(code.labels, i =>
      h("span", { style: `flex: 1; background: ${classAt(i).colour}` }))),
    legend(present, middle),
    panel,
  ];
}

async function showFamily({ parts, query }) {
  const sizes = Object.keys(run.thresholds);
  const k = sizes.includes(parts[1]) ? parts[1] : sizes.at(-1);
  const labels = run.members.filter(label => kindOf(label) !== "square" || k === "5");
  const label = labels.includes(parts[2]) ? parts[2] : labels[0];
  const pool = await load(`pool-${k}`);
  const rows = pool && rowsOf(pool, Number(k));
  const units = rows && Array.from({ length: rows.n }, (_, i) => unit(rows.kernel(i)));
  const knobs = knobsOf(label, Number(k));
  const values = { ratio: Infinity, direction: 0, aspect: 1 };
  for (const { name, first } of knobs) values[name] = name in query ? Number(query[name]) : first;
  const panel = h("div", { id: "function" });
  const asked = () => ({ ...values, ratio: values.ratio >= 8 ? Infinity : values.ratio });
  function update() {
    const kernel = memberOf(label, asked(), Number(k));
    const distance = units && Float64Array.from(units, own => 1 - own.reduce((sum, value, j) => sum + value * kernel[j], 0));
    const fine = 96;
    panel.replaceChildren(
      h("div", { class: "show" },
        drawKernel(evaluate(label, asked(), fine, k / fine), fine, "The function", "big smooth"),
        drawKernel(kernel, Number(k), `The function on a grid of ${k}x${k} pixels`, "big")),
      h("h2", {}, "Nearest kernels"),
      grid(rows ? nearest(rows, distance, 12).map(i => {
        const { text, href } = nameModel(rows, i);
        return card(rows, i, { text: `${number(distance[i])} from it: ${text}`, href });
      }) : [h("li", {}, `No model has ${k}x${k} kernels.`)], true));
  }
  const controlsOf = knobs.map(({ name, title, low, high, step, show }) => {
    const shown = h("output", { for: `knob-${name}` }, show(values[name]));
    const slider = h("input", { type: "range", id: `knob-${name}`, min: low, max: high, step, value: values[name],
      oninput: ({ target }) => {
        values[name] = Number(target.value);
        shown.textContent = show(values[name]);
        update();
        const moved = Object.fromEntries(knobs.map(knob => [knob.name, values[knob.name]]));
        history.replaceState(null, "", address(["family", k, label], moved));
      } });
    return [h("label", { for: `knob-${name}` }, title), slider, shown];
  });
  update();
  return [
    h("h1", {}, `The DoG family: ${titleOf(label)}`),
    h("p", {}, "Move the parameters of a function, and see it, the kernel that it is on a grid of pixels, and the nearest " +
      `kernels of the run (from a sample of each class), with the member of each. ${KEY}`),
    h("div", { class: "tools" }, sizeLinks("family", sizes, k, [label])),
    legend(labels, name => address(["family", k, name]), label),
    h("div", { class: "knobs" }, controlsOf),
    panel,
  ];
}
