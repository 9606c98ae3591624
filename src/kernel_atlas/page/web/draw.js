// What all views are made of: elements, kernels as images, bars, legends, tables of controls.

let run; // the overview of the run
let ruler; // "paper" or "family": the one of the present address

const RULERS = { paper: "the paper's ruler", family: "the family's ruler" };

const isThere = value => value !== null && value !== undefined && value !== false;

// An element; attributes and children that are null or false are left out. Text goes in as text, so the
// name of a layer is never read as markup.
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (isThere(value)) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter(isThere));
  return element;
}

const classAt = place => run.classes[place];
const titleOf = label => run.classes.find(entry => entry.name === label)?.title ?? label;
const colourOf = label => run.classes.find(entry => entry.name === label)?.colour ?? "transparent";
const percent = value => (value === null || value === undefined ? "–" : `${value.toFixed(1)} %`);
const number = value => (Number.isNaN(value) ? "–" : value.toFixed(3));
const { format: thousands } = new Intl.NumberFormat("en");
const unknown = text => [h("h1", {}, "Not in this atlas"), h("p", {}, text)];

// An address within the page. The ruler stays in it unless it is the run's own.
function address(parts, query = {}) {
  const chosen = { ...(ruler === run.ruler ? {} : { ruler }), ...query };
  const search = new URLSearchParams(chosen).toString();
  return `#${parts.map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
}

// A bitmap of size x size pixels, given by their shades, as an address: faster than a canvas.
function bitmap(size, shades) {
  const width = 4 * Math.ceil((3 * size) / 4); // of a row in bytes
  const bytes = new Uint8Array(54 + width * size);
  const view = new DataView(bytes.buffer);
  bytes.set([66, 77]); // "BM"
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, 54, true); // where the pixels start
  view.setUint32(14, 40, true);
  view.setInt32(18, size, true);
  view.setInt32(22, -size, true); // from the top down
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true); // bits per pixel: blue, green, red
  shades.forEach((shade, i) => {
    const start = 54 + width * Math.floor(i / size) + 3 * (i % size);
    for (let c = 0; c < 3; c++) bytes[start + c] = run.shades[3 * shade + 2 - c];
  });
  return `data:image/bmp;base64,${btoa(String.fromCharCode(...bytes))}`;
}

// A kernel as an image, with zero in the middle of the colours; in grey, from its least value to its largest.
function drawKernel(values, size, label, style = "") {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (run.zero_in_the_middle) {
    high = Math.max(-low, high);
    low = -high;
  }
  const last = run.shades.length / 3 - 1;
  const shadeOf = value => (high > low ? Math.round(((value - low) / (high - low)) * last) : last / 2);
  const shades = Array.from(values, shadeOf);
  return h("img", { class: `kernel ${style}`, src: bitmap(size, shades), alt: label });
}

// In the place of a bar by the paper's ruler, for a size without a codebook.
const noCodebook = () => h("span", { class: "muted" }, "no codebook");

// A stacked bar of the counts of all classes. With `link`, each part is a link of its own.
function bar(counts, link = null, chosen = null) {
  const total = counts.reduce((sum, n) => sum + n, 0);
  return h("div", { class: "bar" }, counts.map((n, place) => {
    if (!n) return null;
    const { name, title, colour } = classAt(place);
    const text = `${title}: ${thousands(n)} of ${thousands(total)} (${percent((100 * n) / total)})`;
    const style = `flex: ${n} 0 0; background: ${colour}`;
    return link
      ? h("a", { href: link(name), style, title: text, "aria-label": text, "aria-current": chosen === name })
      : h("span", { style, title: text });
  }));
}

// The same as one image, where hundreds are drawn.
function smallBar(counts) {
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (!total) return noCodebook();
  let stop = 0;
  const parts = counts.flatMap((n, place) => {
    const start = stop;
    stop += (100 * n) / total;
    return n ? [`${classAt(place).colour} ${start}% ${stop}%`] : [];
  });
  const share = (n, place) => (n ? [`${classAt(place).title} ${percent((100 * n) / total)}`] : []);
  const text = counts.flatMap(share).join(", ");
  const style = `background: linear-gradient(to right, ${parts.join(", ")})`;
  return h("div", { class: "bar", style, title: text, role: "img", "aria-label": text });
}

// Names of layers without the words at their ends that all of them share.
function shortNames(layers) {
  const words = layers.map(layer => layer.name.split("."));
  const isShared = () =>
    words.length > 1 && words.every(list => list.length > 1 && list.at(-1) === words[0].at(-1));
  while (isShared()) words.forEach(list => list.pop());
  return words.map(list => list.join("."));
}

// One bar per layer.
function bars(model, size, chosen = {}) {
  const short = shortNames(size.layers);
  return h("ol", { class: "bars" }, size.layers.map((layer, i) => {
    const link = (...label) => address(["model", model.model, size.kernel_size, layer.name, ...label]);
    const counts = layer[ruler];
    const isChosen = chosen.layer === layer.name;
    return h("li", { class: isChosen ? "chosen" : null },
      h("a", { class: "name", href: link(), title: layer.name, "aria-current": isChosen }, short[i]),
      counts ? bar(counts, link, isChosen ? chosen.label : null) : noCodebook(),
      h("span", { class: "n" }, thousands(layer.family.reduce((sum, n) => sum + n, 0))));
  }));
}

function totals(size) {
  const known = size.layers.map(layer => layer[ruler]).filter(Boolean);
  return run.classes.map((_, place) => known.reduce((sum, counts) => sum + counts[place], 0));
}

function legend(labels, link = null, chosen = null) {
  return h("ul", { class: "legend" }, labels.map(label => {
    const swatch = h("span", { class: "swatch", style: `background: ${colourOf(label)}` });
    return h("li", {}, link
      ? h("a", { href: link(label), "aria-current": chosen === label }, swatch, titleOf(label))
      : [swatch, titleOf(label)]);
  }));
}

// One row per kernel size: percentages by both rulers, and below each what chance gives.
function controls(model) {
  const columns = { near: "near, of all", clustered: "clustered", matched: "matched" };
  const cell = (size, name) => h("td", {}, percent(size[`${name}_percent`]), h("br"),
    h("span", { class: "muted" },
      `random ${percent(size[`random_${name}_percent`])}`, h("br"),
      `phases ${percent(size[`phase_randomised_${name}_percent`])}`));
  const head = h("tr", {}, h("th", { scope: "col", class: "text" }, "size"), h("th", { scope: "col" }, "kernels"),
    Object.values(columns).map(title => h("th", { scope: "col" }, title)));
  const rows = model.sizes.map(size => h("tr", {},
    h("th", { class: "text", scope: "row" }, `${size.kernel_size}x${size.kernel_size}`),
    h("td", {}, thousands(size.n_kernels)),
    Object.keys(columns).map(name => cell(size, name))));
  const table = h("table", { class: "controls" }, h("thead", {}, head), h("tbody", {}, rows));
  return scrolling(`Percentages of ${model.model}`, table);
}

// A wide table, which the keyboard can scroll.
const scrolling = (label, table) =>
  h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, table);
