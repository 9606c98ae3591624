"use strict";
// The data of the run: blocks of base64 in the page, unpacked when they are first asked for.

const promises = new Map();

async function inflate(id) {
  const element = document.getElementById(id);
  if (!element) return null;
  const text = atob(element.textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

// The counterpart of pack_arrays: typed arrays by name.
function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const arrays = {};
  let start = 4 + length;
  for (const [name, type, size] of header) {
    const Type = globalThis[type];
    const stop = start + size * Type.BYTES_PER_ELEMENT;
    arrays[name] = new Type(buffer.slice(start, stop)); // a copy, as arrays must be aligned
    start = stop;
  }
  return arrays;
}

// A block's arrays; null if the page has no such block.
function load(id) {
  if (!promises.has(id)) {
    promises.set(id, inflate(id).then(buffer => buffer && unpack(buffer)));
  }
  return promises.get(id);
}

// The kernels of one size in a model's block or in a pool: their number n, kernel(i), and one array per column.
function rowsOf(arrays, size, prefix = "") {
  const columns = {};
  for (const [name, array] of Object.entries(arrays)) {
    if (name.startsWith(prefix)) columns[name.slice(prefix.length)] = array;
  }
  if (!columns.layer) return null;
  const area = size * size;
  return {
    ...columns,
    size,
    n: columns.layer.length,
    kernel: i => columns.kernels.subarray(i * area, (i + 1) * area),
  };
}
