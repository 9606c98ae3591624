// From an address to a view: every link is an address, and every address draws its view anew.

const VIEWS = {
  models: { title: "Models", show: showModels },
  code: { title: "Spectrum", show: showCode },
  family: { title: "Family", show: showFamily },
  compare: { title: "Compare", show: showCompare },
  model: { show: showModel },
};

function readAddress() {
  const [path, search] = location.hash.slice(1).split("?");
  return {
    parts: path.split("/").map(decodeURIComponent),
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}

let turn = 0;

async function route() {
  const mine = ++turn;
  const state = readAddress();
  if (state.parts[0] === "main") return; // the link that skips to the content
  ruler = state.query.ruler in RULERS ? state.query.ruler : run.ruler;
  const name = state.parts[0] in VIEWS ? state.parts[0] : "models";
  const content = await VIEWS[name].show(state);
  if (mine !== turn) return; // a later address came first
  const focused = document.activeElement;
  const main = document.getElementById("main");
  main.replaceChildren(...content.flat(Infinity));
  document.title = `${main.querySelector("h1")?.textContent ?? "Models"} – Kernel Atlas`;
  drawNavigation(name, state);
  findAgain(focused)?.focus({ preventScroll: true });
  if (name === "model" && state.parts.length > 3) document.getElementById("side")?.scrollIntoView({ block: "nearest" });
}

// The element that stands where this one stood: with its id, or with its address and place.
function findAgain(element) {
  if (element?.id) return document.getElementById(element.id);
  return [...document.querySelectorAll("a[href]")].find(link =>
    link.getAttribute("href") === element?.getAttribute("href") && link.parentElement.className === element.parentElement?.className);
}

function drawNavigation(name, { parts, query }) {
  document.getElementById("views").replaceChildren(...Object.entries(VIEWS)
    .filter(([, view]) => view.title)
    .map(([key, view]) => h("a", { href: address([key]), "aria-current": key === name ? "page" : null }, view.title)));
  document.getElementById("rulers").replaceChildren("Classes by", ...Object.entries(RULERS).map(([key, title]) =>
    h("a", { href: address(parts[0] ? parts : ["models"], { ...query, ruler: key }), "aria-current": key === ruler ? "true" : null }, title)));
}

async function start() {
  run = JSON.parse(new TextDecoder().decode(await inflate("overview")));
  const kernels = run.models.flatMap(model => model.sizes).reduce((sum, size) => sum + size.n_kernels, 0);
  const thresholds = Object.entries(run.thresholds).map(([size, value]) => `${size}x${size} ${value}`);
  document.getElementById("run").replaceChildren(
    `Kernel Atlas ${run.version}. This run: ${run.sheets.join(", ")}; ${run.models.length} models, ${thousands(kernels)} kernels; ` +
    `thresholds ${thresholds.join(", ")}. The page holds at most ${run.samples} kernels of each layer and class, drawn at random. ` +
    "Percentages by the paper's ruler depend on what was trained on and on the seed; those by the family's ruler on the kernels alone.");
  window.addEventListener("hashchange", route);
  await route();
  document.documentElement.dataset.ready = "true";
}

start();
