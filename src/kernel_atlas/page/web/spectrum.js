// The view of the codes: what each stands for, and kernels near it.

async function showCode({ parts }) {
  const sizes = Object.keys(run.codes);
  // #code/0.42 is of the smallest size with a spectrum
  const [k, wanted] = sizes.includes(parts[1])
    ? [parts[1], parts[2]]
    : [sizes.find(size => run.codes[size].ordered) ?? sizes[0], parts[1]];
  if (!k) return unknown("No size of this run has a codebook.");
  const [code, pool] = await Promise.all([load(`code-${k}`), load(`pool-${k}`)]);
  const { ordered, intervals } = run.codes[k];
  const rows = pool && rowsOf(pool, Number(k));
  const what = ordered ? "Code" : "Centre";
  const last = code.codes.length - 1;
  const wantedPlace = Math.round(Number(wanted || 0.42) * last);
  let place = wantedPlace >= 0 && wantedPlace <= last ? wantedPlace : 0;
  const panel = h("div", { id: "code" });
  function update() {
    const own = code.codes[place];
    const label = classAt(code.labels[place]);
    const kernel = code.kernels.subarray(place * k * k, (place + 1) * k * k);
    const distances = rows &&
      Float64Array.from(rows.code, (other, i) => (rows.near[i] ? Math.abs(other - own) : Infinity));
    panel.replaceChildren(
      h("div", { class: "show" },
        drawKernel(kernel, Number(k), `The kernel that code ${number(own)} stands for`, "big"),
        h("div", {},
          h("h2", { "aria-live": "polite" }, swatchOf(label), `${what} ${number(own)}: ${label.title}`),
          describeInterval(findInterval(intervals, own)),
          h("p", { class: "muted" }, `Below: near kernels with the closest codes, and the member of each. ${KEY}`))),
      grid(rows ? nearest(rows, distances).map(i => card(rows, i, linkToModel(rows, i))) : [], true));
  }
  const slider = h("input", { type: "range", class: "long", id: "slider", min: 0, max: last, value: place,
    "aria-label": what, "aria-valuetext": number(code.codes[place]), oninput: ({ target }) => {
      place = Number(target.value);
      target.setAttribute("aria-valuetext", number(code.codes[place]));
      update();
      setAddress(address(["code", k, number(code.codes[place])]));
    } });
  update();
  const present = run.classes.filter((_, i) => code.labels.includes(i)).map(entry => entry.name);
  const linkToClass = name => {
    const places = Array.from(code.labels.keys()).filter(i => classAt(code.labels[i]).name === name);
    return address(["code", k, number(code.codes[places[places.length >> 1]])]); // the middle one
  };
  return [
    h("h1", {}, ordered ? "Spectrum" : "Centres of k-means"),
    h("p", {}, ordered ? "Every code from 0 to 1 stands for a kernel. Move the slider, or choose a class."
      : "Each centre stands for a kernel. Move the slider, or choose a class."),
    h("div", { class: "tools" }, sizeLinks(sizes, k, size => ["code", size])),
    slider,
    h("div", { class: "strip", "aria-hidden": "true" }, Array.from(code.labels, i =>
      h("span", { style: `flex: 1; background: ${classAt(i).colour}` }))),
    legend(present, linkToClass),
    panel,
  ];
}

// As label_rows in labels/table.py: the last interval includes the code 1.
function findInterval(intervals, code) {
  return intervals.find(({ start, stop }) =>
    (code >= Math.fround(start) && code < Math.fround(stop)) || (code === 1 && stop === 1));
}

function describeInterval(interval) {
  if (!interval) return null;
  const { start, stop, purity, note } = interval;
  const share = purity === null ? ""
    : `; ${percent(100 * purity)} of its near kernels are members of one class`;
  return h("p", {}, `Interval ${number(start)} to ${number(stop)}${share}${note ? ` (${note})` : ""}`);
}
