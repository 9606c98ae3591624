// What the views of kernels share, and the view of a model.

const PARAMETERS = ["sigma", "ratio", "direction", "aspect", "shift_x", "shift_y"];
const NO_CLASS = 255; // in the column `member` of dead kernels
const N_NEAREST = 12;
const KEY = "In brackets: the dissimilarity to the code, and to the member of the family.";

// A kernel with its class by both rulers. In a pool, `place` is the link to its model and layer.
function card(rows, i, place = null) {
  const member = rows.member[i] === NO_CLASS ? null : classAt(rows.member[i]);
  const kernel = drawKernel(rows.kernel(i), rows.size, `Kernel of channel ${rows.channel[i]}`);
  let drawnMember = null;
  if (rows.sigma && member) {
    const parameters = Object.fromEntries(PARAMETERS.map(name => [name, rows[name][i]]));
    const values = memberOf(member.name, parameters, rows.size);
    drawnMember = drawKernel(values, rows.size, `Its member: ${member.title}`);
  }
  const facts = member && `${member.title} (${number(rows.residual[i])}), lead ${number(rows.lead[i])}`;
  return h("li", { "data-channel": rows.channel[i], "data-layer": rows.layer[i] },
    h("div", { class: "pair" }, kernel, drawnMember),
    place && [h("a", { href: place.href }, place.text), h("br")],
    `channel ${rows.channel[i]}`, h("br"),
    Number.isNaN(rows.code[i]) ? null : [`code ${number(rows.code[i])} (${number(rows.dissimilarity[i])})`, h("br")],
    member ? `${facts}${rows.matched[i] ? "" : ", not matched"}` : "dead");
}

const grid = (cards, wide) => h("ul", { class: wide ? "kernels wide" : "kernels" }, cards);
const swatchOf = entry => h("span", { class: "swatch", style: `background: ${entry.colour}` });
const sizeLinks = (sizes, chosen, partsOf) => h("nav", { "aria-label": "Kernel size" }, sizes.map(size =>
  h("a", { href: address(partsOf(size)), "aria-current": size === chosen }, `${size}x${size}`)));

async function showModel({ parts }) {
  const [, id, wantedSize, layerName, label] = parts;
  const model = run.models.find(entry => entry.model === id);
  if (!model) return unknown(id ? `No model is called ${id}.` : "This address names no model.");
  const size = wantedSize ? model.sizes.find(entry => String(entry.kernel_size) === wantedSize) : model.sizes[0];
  const title = [
    h("h1", {}, id),
    h("p", { class: "muted" }, [model.family, model.source, `role ${model.role}`].filter(Boolean).join(" · ")),
  ];
  if (!model.sizes.length) {
    return [...title, h("p", {}, model.note ?? "This model has no kernels of a size that is measured.")];
  }
  if (!size) return unknown(`${id} has no kernels of size ${wantedSize}, or that size is not measured.`);
  const k = size.kernel_size;
  const layer = layerName && layerName !== "all" ? size.layers.find(entry => entry.name === layerName) : null;
  if (layer === undefined) return unknown(`${id} has no layer ${layerName} with ${k}x${k} kernels.`);
  const rows = rowsOf(await load(`model-${id}`), k, `${k}.`);
  const present = run.classes.filter((_, place) => totals(size)[place]).map(entry => entry.name);
  const bySize = sizeLinks(model.sizes.map(entry => entry.kernel_size), k, other => ["model", id, other]);
  return [
    ...title, controls(model),
    h("div", { class: "tools" }, bySize),
    h("div", { class: "split" },
      h("section", { "aria-label": "Layers" }, h("h2", {}, `Classes by layer, by ${RULERS[ruler]}`),
        legend(present, name => address(["model", id, k, layerName || "all", name]), label),
        h("p", {}, h("a", { href: address(["model", id, k]), "aria-current": !layerName }, "All layers and classes"),
          " · ", h("a", { href: address(["compare", id]) }, "Compare with another model")),
        bars(model, size, { layer: layerName, label })),
      h("section", { class: "side", id: "side", "aria-label": "Kernels" },
        h("h2", {}, layer ? `Layer ${layerName}` : "All layers"),
        h("p", { class: "muted" }, KEY),
        kernelsByClass(model, size, rows, layer, label))),
  ];
}

// The kernels of one class, or of all, in one layer or (null) in all.
function kernelsByClass(model, size, rows, layer, label) {
  const k = size.kernel_size;
  if (!size.layers.some(entry => entry[ruler])) {
    return h("p", {}, `${k}x${k} kernels have no codebook. Choose the family's ruler to see their classes.`);
  }
  const counts = layer ? layer[ruler] : totals(size);
  const limit = label ? 96 : layer ? 24 : 6;
  const groups = run.classes.flatMap((entry, place) => {
    if (!counts[place] || (label && entry.name !== label)) return [];
    const own = Array.from(rows[ruler].keys()).filter(i =>
      rows[ruler][i] === place && (!layer || rows.layer[i] === layer.index));
    const step = Math.max(1, own.length / limit); // evenly over the layers
    const shown = Array.from({ length: Math.min(limit, own.length) }, (_, i) => own[Math.floor(i * step)]);
    return [[
      h("h2", {}, swatchOf(entry), `${entry.title}: ${thousands(counts[place])} kernels`,
        shown.length < counts[place] ? `, ${shown.length} of them shown` : ""),
      grid(shown.map(i => card(rows, i, layer ? null : linkToLayer(model, size, rows.layer[i])))),
    ]];
  });
  return groups.length ? groups : h("p", {}, "There is no kernel of this class here.");
}

function linkToLayer(model, size, index) {
  const layer = size.layers.find(entry => entry.index === index);
  return { text: layer.name, href: address(["model", model.model, size.kernel_size, layer.name]) };
}

function linkToModel(rows, i) {
  const model = run.models.find(entry => entry.model === run.order[rows.model[i]]);
  const size = model.sizes.find(entry => entry.kernel_size === rows.size);
  const { text, href } = linkToLayer(model, size, rows.layer[i]);
  return { text: `${model.model}, ${text}`, href };
}

// The rows of a pool with the smallest distances, about as many of each model.
function nearest(rows, distances) {
  const places = Array.from({ length: rows.n }, (_, i) => i).filter(i => distances[i] < Infinity);
  places.sort((a, b) => distances[a] - distances[b]);
  const limit = Math.ceil(N_NEAREST / Math.max(1, new Set(rows.model).size)); // of one model
  const taken = new Map();
  return places.filter(i => {
    const count = taken.get(rows.model[i]) ?? 0;
    taken.set(rows.model[i], count + 1);
    return count < limit;
  }).slice(0, N_NEAREST);
}

