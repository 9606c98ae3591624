// The views of many models: the table of all, and some side by side.

const COLUMNS = [
  { name: "model", title: "model", text: true },
  { name: "family", title: "family", text: true },
  { name: "kernel_size", title: "size" },
  { name: "n_kernels", title: "kernels" },
  { name: "near_percent", title: "near" },
  { name: "clustered_percent", title: "clustered" },
  { name: "matched_percent", title: "matched" },
  { name: "random_near_percent", title: "near, random" },
  { name: "random_matched_percent", title: "matched, random" },
  { name: "paper_percent", title: "near, published" },
];

// Missing values come last, whichever way the column is sorted.
function sortBy(rows, name, falls) {
  rows.sort((a, b) => {
    const [first, second] = [a[name] ?? null, b[name] ?? null];
    if (first === null || second === null) return (first === null) - (second === null);
    return (first > second ? 1 : first < second ? -1 : 0) * (falls ? -1 : 1);
  });
}

function modelCell(row, { name, text }) {
  const value = row[name] ?? null;
  if (name === "model") {
    return h("a", { href: address(["model", row.model, ...(row.kernel_size ? [row.kernel_size] : [])]) }, row.model);
  }
  if (name === "kernel_size") return value === null ? (row.note ?? row.outcome) : `${value}x${value}`;
  if (text) return value;
  return name === "n_kernels" && value !== null ? thousands(value) : percent(value);
}

function showModels({ query }) {
  const rows = run.models.flatMap(model =>
    (model.sizes.length ? model.sizes : [{ layers: [] }]).map(size => ({ ...model, ...size, size })));
  const sorted = COLUMNS.find(column => column.name === query.sort);
  const falls = "falling" in query;
  if (sorted) sortBy(rows, sorted.name, falls);
  const sort = column => {
    const next = { sort: column.name };
    if (sorted === column ? !falls : !column.text) next.falling = "";
    const text = document.getElementById("search").value;
    location.hash = address(["models"], text ? { ...next, search: text } : next);
  };
  const head = COLUMNS.map(column => h("th", {
    scope: "col", class: column.text ? "text" : null,
    "aria-sort": sorted === column ? (falls ? "descending" : "ascending") : null,
  }, h("button", { type: "button", id: `sort-${column.name}`, onclick: () => sort(column) }, column.title)));
  const body = h("tbody", {}, rows.map(row => h("tr", { "data-text": `${row.model} ${row.family ?? ""}`.toLowerCase() },
    h("td", {}, h("input", {
      type: "checkbox", value: row.model, "aria-label": `Compare ${row.model}`, onchange: offerToCompare })),
    COLUMNS.map(column => h("td", { class: column.text ? "text" : null }, modelCell(row, column))),
    h("td", {}, row.layers.length ? smallBar(totals(row.size)) : null))));
  const compare = h("a", { href: address(["compare"]), id: "compare" }, "Compare models side by side");
  function offerToCompare() {
    const chosen = [...new Set([...body.querySelectorAll("input:checked")].map(box => box.value))];
    compare.href = address(["compare", ...chosen]);
    compare.textContent =
      chosen.length ? `Compare the ${chosen.length} chosen side by side` : "Compare models side by side";
  }
  const count = h("span", { class: "muted", role: "status" });
  function filter(text) {
    for (const row of body.rows) row.hidden = !row.dataset.text.includes(text.toLowerCase());
    const nShown = [...body.rows].filter(row => !row.hidden).length;
    count.textContent = `${nShown} of ${body.rows.length} rows`;
  }
  filter(query.search ?? "");
  const search = h("input", { type: "search", id: "search", value: query.search ?? "", oninput: ({ target }) => {
    filter(target.value);
    const { search: _, ...others } = query;
    setAddress(address(["models"], target.value ? { ...others, search: target.value } : others));
  } });
  return [
    h("h1", {}, "Models"),
    h("p", {}, "One row per model and kernel size. Near: the percentage of all kernels that are near a code, as the " +
      "paper counts. Clustered: the percentage of live kernels that are near a code whose interval has a class. " +
      "Matched: the percentage of live kernels that are close to a member of the DoG family. Random directions in " +
      `the same space show what chance gives. The bar has the classes by ${RULERS[ruler]}.`),
    legend(run.classes.map(entry => entry.name)),
    h("div", { class: "tools" }, h("label", {}, "Search", search), count, compare),
    scrolling("Table of models", h("table", { id: "models" },
      h("thead", {}, h("tr", {}, h("td", {}), head, h("th", { scope: "col", class: "text" }, "classes"))), body)),
  ];
}

function compareColumn(model, chosen) {
  const rest = chosen.filter(id => id !== model.model);
  return h("section", {},
    h("h2", {}, h("a", { href: address(["model", model.model]) }, model.model), " ",
      h("a", { href: address(["compare", ...rest]), "aria-label": `Remove ${model.model}` }, "✕")),
    controls(model),
    model.sizes.map(size => [h("h2", {}, `${size.kernel_size}x${size.kernel_size}`), bars(model, size)]));
}

function showCompare({ parts }) {
  const chosen = parts.slice(1).filter(Boolean);
  const models = chosen.map(id => run.models.find(model => model.model === id)).filter(Boolean);
  const unknownIds = chosen.filter(id => !models.some(model => model.model === id));
  const more = run.models.filter(model => !chosen.includes(model.model) && model.sizes.length);
  const add = h("select", { id: "add", onchange: ({ target }) => {
    if (target.value) location.hash = address(["compare", ...chosen, target.value]);
  } }, h("option", { value: "" }, "choose a model"), more.map(({ model }) => h("option", { value: model }, model)));
  return [
    h("h1", {}, "Models side by side"),
    h("p", {}, `Classes by layer, by ${RULERS[ruler]}. Click on a part of a bar to see its kernels.`),
    unknownIds.length ? h("p", {}, `Not in this atlas: ${unknownIds.join(", ")}.`) : null,
    h("div", { class: "tools" }, h("label", {}, "Add", add)),
    legend(run.classes.map(entry => entry.name)),
    h("div", { class: "columns" }, models.map(model => compareColumn(model, chosen))),
  ].filter(Boolean);
}
