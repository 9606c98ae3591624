// From an address to a view: every link is an address, and every address draws its view anew.

const VIEWS = {
  models: { title: "Models", show: showModels },
  code: { title: "Spectrum", show: showCode },
  family: { title: "Family", show: showFamily },
  compare: { title: "Compare", show: showCompare },
  model: { show: showModel },
};

// An address may be typed by hand: a lone % is taken as it stands.
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function readAddress() {
  const [path, search] = location.hash.slice(1).split("?");
  const parts = path.split("/").map(decode);
  const query = Object.fromEntries(new URLSearchParams(search));
  return { name: Object.hasOwn(VIEWS, parts[0]) ? parts[0] : "models", parts, query };
}

let nRoutes = 0;

async function route() {
  const own = ++nRoutes;
  const state = readAddress();
  ruler = Object.hasOwn(RULERS, state.query.ruler ?? "") ? state.query.ruler : run.ruler;
  const content = await VIEWS[state.name].show(state);
  if (own !== nRoutes) return; // the reader has gone on to another address meanwhile
  const focused = document.activeElement;
  const main = document.getElementById("main");
  main.replaceChildren(...content.flat(Infinity));
  document.title = `${main.querySelector("h1").textContent} – Kernel Atlas`;
  drawNavigation(state);
  findAgain(focused)?.focus({ preventScroll: true });
  if (state.name === "model" && state.parts.length > 3) {
    document.getElementById("side")?.scrollIntoView({ block: "nearest" });
  }
}

// Change the address without drawing the view, which already shows what the address says.
function setAddress(hash) {
  history.replaceState(null, "", hash);
  drawNavigation(readAddress());
}

// The element that stands where this one stood: with its id, or with its address and place.
function findAgain(element) {
  if (element?.id) return document.getElementById(element.id);
  return [...document.querySelectorAll("a[href]")].find(link =>
    link.getAttribute("href") === element?.getAttribute("href") &&
    link.parentElement.className === element?.parentElement?.className);
}

function drawNavigation({ name, parts, query }) {
  const views = Object.entries(VIEWS).filter(([, view]) => view.title).map(([key, view]) =>
    h("a", { href: address([key]), "aria-current": key === name ? "page" : null }, view.title));
  const rulers = Object.entries(RULERS).map(([key, title]) => {
    const href = address(parts[0] ? parts : [name], { ...query, ruler: key });
    return h("a", { href, "aria-current": key === ruler ? "true" : null }, title);
  });
  document.getElementById("views").replaceChildren(...views);
  document.getElementById("rulers").replaceChildren("Classes by", ...rulers);
}

function describeRun() {
  const sizes = run.models.flatMap(model => model.sizes);
  const nKernels = sizes.reduce((sum, size) => sum + size.n_kernels, 0);
  const thresholds = Object.entries(run.thresholds).map(([size, value]) => `${size}x${size} ${value}`);
  return `Kernel Atlas ${run.version}. This run: ${run.sheets.join(", ")}; ${run.models.length} models, ` +
    `${thousands(nKernels)} kernels; thresholds ${thresholds.join(", ")}. The page holds at most ` +
    `${run.samples} kernels of each layer and class, drawn at random. Percentages by the paper's ruler ` +
    "depend on the seed and on the kernels that the codebook was trained on; those by the family's ruler " +
    "depend on the model's kernels alone.";
}

async function start() {
  run = JSON.parse(new TextDecoder().decode(await inflate("overview")));
  document.getElementById("run").replaceChildren(describeRun());
  document.querySelector(".skip").addEventListener("click", event => {
    event.preventDefault(); // or the address of the view would be lost
    document.getElementById("main").focus();
  });
  window.addEventListener("hashchange", route);
  await route();
  document.documentElement.dataset.ready = "true";
}

start();
