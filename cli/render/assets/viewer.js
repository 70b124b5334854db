"use strict";
(() => {
const root = document.documentElement;
const fault = (what) => { root.dataset.error = String(what); };
window.addEventListener("error", (e) => fault(e.message));
window.addEventListener("unhandledrejection", (e) => fault(e.reason));

const index = JSON.parse(document.getElementById("index").textContent);
const bytesOf = (text) => { const s = atob(text), b = new Uint8Array(s.length); for (let i = 0; i < s.length; i++) b[i] = s.charCodeAt(i); return b; };
const palette = bytesOf(index.palette);
const ODD = { nan: [255, 0, 200], inf: [255, 106, 0], ninf: [150, 150, 150] };
const maps = new Map(index.maps.map((m) => [m.slice(0, 3).join("-"), m]));
const sorted = (axis) => [...new Set(index.maps.map((m) => m[axis]))].sort((a, b) => a - b);
const layers = sorted(1), heads = sorted(2);
const state = { prompt: index.maps[0][0], layer: layers[0], head: heads[0], query: -1, key: -1, pinned: false, scale: "own" };

// ---- maps: unpacked when first asked for, the last few kept -------------------------------------
const cache = new Map();
const KEEP = 24;
async function inflate(bytes) {
  const stream = new DecompressionStream("deflate"), writer = stream.writable.getWriter();
  const written = writer.write(bytes).then(() => writer.close());
  const out = new Uint8Array(await new Response(stream.readable).arrayBuffer());
  await written;
  return out;
}
async function unpack(name) {
  const [prompt, , , coded, low, high] = maps.get(name);
  const size = index.prompts[prompt].tokens.length;
  const planes = await inflate(bytesOf(document.getElementById("m" + name).textContent));
  const count = planes.length / 2, values = new Float32Array(count);
  let min = Infinity, max = -Infinity;
  for (let i = 0; i < count; i++) {
    const code = planes[i] << 8 | planes[count + i];
    const value = coded === 0 ? code / 65535 : code === 65535 ? NaN : code === 65534 ? Infinity
      : code === 65533 ? -Infinity : low + code / 65532 * (high - low);
    values[i] = value;
    if (Number.isFinite(value)) { if (value < min) min = value; if (value > max) max = value; }
  }
  const at = index.causal ? (q, k) => k > q ? undefined : values[q * (q + 1) / 2 + k] : (q, k) => values[q * size + k];
  return { size, values, at, unit: coded === 0, min: min > max ? 0 : min, max: min > max ? 1 : max };
}
function load(prompt, layer, head) {
  const name = `${prompt}-${layer}-${head}`;
  if (!maps.has(name)) return Promise.resolve(null);
  let entry = cache.get(name);
  if (entry) cache.delete(name); else entry = unpack(name);
  cache.set(name, entry);
  if (cache.size > KEEP) cache.delete(cache.keys().next().value);
  return entry;
}

// ---- colours ------------------------------------------------------------------------------------
function rangeOf(map) {
  const low = map.unit ? 0 : map.min;
  const high = state.scale === "unit" && map.unit ? 1 : map.max;
  return [low, high > low ? high : low + 1];
}
const share = (value, low, high) => {
  const t = Math.min(1, Math.max(0, (value - low) / (high - low)));
  return state.scale === "root" ? Math.sqrt(t) : t;
};
function paint(pixels, at, value, low, high) {
  let r, g, b;
  if (Number.isFinite(value)) {
    const c = Math.round(255 * share(value, low, high)) * 3;
    r = palette[c]; g = palette[c + 1]; b = palette[c + 2];
  } else [r, g, b] = Number.isNaN(value) ? ODD.nan : value > 0 ? ODD.inf : ODD.ninf;
  pixels[at] = r; pixels[at + 1] = g; pixels[at + 2] = b; pixels[at + 3] = 255;
}

// Blocks show their largest value, so that diagonals and single cells survive.
function pooled(map, side) {
  const block = Math.ceil(map.size / side), n = Math.ceil(map.size / block);
  const out = new Float32Array(n * n).fill(-Infinity), seen = new Uint8Array(n * n);
  for (let q = 0, i = 0; q < map.size; q++) {
    const row = Math.floor(q / block) * n, end = index.causal ? q + 1 : map.size;
    for (let k = 0; k < end; k++, i++) {
      const cell = row + Math.floor(k / block), v = map.values[i];
      seen[cell] = 1;
      if (!(v <= out[cell])) out[cell] = v;
    }
  }
  return { n, out, seen };
}
function drawThumbnail(canvas, map) {
  const { n, out, seen } = pooled(map, 64), [low, high] = rangeOf(map);
  canvas.width = canvas.height = n;
  const context = canvas.getContext("2d"), image = context.createImageData(n, n);
  for (let i = 0; i < n * n; i++) if (seen[i]) paint(image.data, i * 4, out[i], low, high);
  context.putImageData(image, 0, 0);
}

// ---- page ---------------------------------------------------------------------------------------
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value); else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
};
const option = (value, text) => make("option", { value }, text);
const preview = (p) => { const t = p.tokens.join("").replaceAll("␣", " "); return t.length > 60 ? t.slice(0, 60) + "…" : t; };
const prompt = make("select", { id: "prompt", onchange: (e) => choose({ prompt: +e.target.value }) },
  ...index.prompts.map((p, i) => option(i, `${p.id || i}: ${preview(p)}`)));
const scale = make("select", { id: "scale", onchange: (e) => { state.scale = e.target.value; redraw(); } },
  option("own", "0 … head's maximum"), option("root", "square root, 0 … maximum"), option("unit", "0 … 1"));
const theme = make("button", { type: "button", title: "light or dark", onclick: () => setTheme(root.dataset.theme === "dark" ? "light" : "dark") }, "◐");
const heading = make("h2"), readout = make("output", { id: "readout" });
const canvas = make("canvas", { id: "map", tabindex: 0, "aria-label": "attention map; arrow keys move between cells" });
const cross = make("canvas", { id: "cross" });
const rowText = make("div", { class: "tokens", id: "row" }), colText = make("div", { class: "tokens", id: "col" });
const rowTitle = make("h3"), colTitle = make("h3");
const grid = make("section", { id: "grid", "aria-label": "layers and heads" });
const thumbnails = new Map();
function buildGrid() {
  const table = make("table", { role: "grid" }, make("thead", {}, make("tr", {}, make("th"), ...heads.map((h) => make("th", { scope: "col" }, "H" + h)))));
  for (const l of layers) {
    const line = make("tr", {}, make("th", { scope: "row" }, "L" + l));
    for (const h of heads) {
      const thumbnail = make("canvas", { width: 1, height: 1, role: "gridcell", tabindex: -1, title: `layer ${l}, head ${h}`,
        "aria-label": `layer ${l}, head ${h}`, onclick: () => choose({ layer: l, head: h }) });
      thumbnails.set(`${l}-${h}`, thumbnail);
      line.append(make("td", {}, thumbnail));
    }
    table.append(line);
  }
  grid.append(table);
}
function setTheme(name) { root.dataset.theme = name; drawMap(); }

let generation = 0;
async function drawThumbnails() {
  const mine = ++generation;
  root.dataset.thumbnails = "0";
  let drawn = 0;
  for (const l of layers) for (const h of heads) {
    const name = `${state.prompt}-${l}-${h}`;
    const map = cache.has(name) ? await cache.get(name) : maps.has(name) ? await unpack(name) : null;
    if (mine !== generation) return;
    if (map) drawThumbnail(thumbnails.get(`${l}-${h}`), map); else thumbnails.get(`${l}-${h}`).width = 1;
    root.dataset.thumbnails = String(++drawn);
  }
  root.dataset.complete = "1";
}

// The large map: cells of whole device pixels, labels where they fit.
let shown = null, geometry = null;
const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
function layout(size) {
  const ratio = window.devicePixelRatio || 1;
  const room = Math.max(280, Math.min(document.getElementById("view").clientWidth - 190, window.innerHeight - 210));
  const cell = Math.min(34, Math.max(1 / ratio, Math.floor(room / size * ratio) / ratio));
  const labelled = cell >= 9.5;
  const font = `${labelled ? Math.min(12, Math.max(9, cell * 0.7)) : 10}px system-ui, "DejaVu Sans", sans-serif`;
  const context = canvas.getContext("2d");
  context.font = font;
  const tokens = index.prompts[state.prompt].tokens;
  let widest = 0;
  if (labelled) for (const t of tokens) widest = Math.max(widest, context.measureText(short(t)).width);
  const left = Math.ceil((labelled ? widest : 28) + 10), bottom = Math.ceil((labelled ? widest : 28) + 10);
  return { ratio, cell, labelled, font, left, bottom, plot: cell * size, width: left + cell * size + 84, height: cell * size + bottom + TOP + 4 };
}
const TOP = 8;  // above the plot, so that the first label is whole
const short = (t) => { const c = [...t]; return c.length > 14 ? c.slice(0, 13).join("") + "…" : t; };
function tickStep(cell) { for (let p = 1; ; p *= 10) for (const s of [p, 2 * p, 5 * p]) if (s * cell >= 34) return s; }
function fit(target, g) {
  target.width = Math.ceil(g.width * g.ratio); target.height = Math.ceil(g.height * g.ratio);
  target.style.width = g.width + "px"; target.style.height = g.height + "px";
  const context = target.getContext("2d");
  context.setTransform(g.ratio, 0, 0, g.ratio, 0, 0);
  return context;
}
function drawMap() {
  if (!shown) return;
  const size = shown.size, g = geometry = layout(size), [low, high] = rangeOf(shown);
  const context = fit(canvas, g);
  const small = new OffscreenCanvas(size, size), inner = small.getContext("2d"), image = inner.createImageData(size, size);
  for (let q = 0; q < size; q++) for (let k = 0; k < size; k++) {
    const value = shown.at(q, k);
    if (value !== undefined) paint(image.data, (q * size + k) * 4, value, low, high);
  }
  inner.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, g.left, TOP, g.plot, g.plot);
  context.strokeStyle = css("--line");
  context.strokeRect(g.left - 0.5, TOP - 0.5, g.plot + 1, g.plot + 1);
  drawLabels(context, g);
  drawBar(context, g, low, high);
  drawCross();
}
function drawLabels(context, g) {
  const tokens = index.prompts[state.prompt].tokens, step = g.labelled ? 1 : tickStep(g.cell);
  context.font = g.font; context.fillStyle = css("--faint"); context.textAlign = "right"; context.textBaseline = "middle";
  for (let i = 0; i < tokens.length; i += step) {
    const text = g.labelled ? short(tokens[i]) : String(i), at = (i + 0.5) * g.cell;
    context.fillText(text, g.left - 5, TOP + at);
    context.save();
    context.translate(g.left + at, TOP + g.plot + 6); context.rotate(-Math.PI / 2);
    context.fillText(text, 0, 0);
    context.restore();
  }
}
function drawBar(context, g, low, high) {
  const x = g.left + g.plot + 16, height = Math.min(g.plot, 260);
  for (let i = 0; i < height; i++) {
    const c = Math.round(255 * (1 - i / (height - 1))) * 3;
    context.fillStyle = `rgb(${palette[c]},${palette[c + 1]},${palette[c + 2]})`;
    context.fillRect(x, TOP + i, 12, 1.5);
  }
  context.font = "11px system-ui, sans-serif"; context.fillStyle = css("--faint"); context.textAlign = "left";
  for (const t of [0, 0.25, 0.5, 0.75, 1]) {
    const value = low + (high - low) * (state.scale === "root" ? t * t : t);
    context.fillText(number(value, 3).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, ""), x + 17, TOP + (1 - t) * height);
  }
}
function drawCross() {
  const g = geometry, context = fit(cross, g);
  if (state.query < 0) return;
  context.strokeStyle = css("--hit"); context.lineWidth = state.pinned ? 2 : 1.2;
  const size = Math.max(g.cell, 5);
  const x = g.left + state.key * g.cell, y = TOP + state.query * g.cell;
  context.globalAlpha = 0.65;
  context.strokeRect(g.left, y - (size - g.cell) / 2, g.plot, size);
  context.strokeRect(x - (size - g.cell) / 2, TOP, size, g.plot);
  context.globalAlpha = 1;
  context.strokeRect(x - (size - g.cell) / 2, y - (size - g.cell) / 2, size, size);
}
const number = (v, digits) => !Number.isFinite(v) ? String(v) : v !== 0 && Math.abs(v) < 1e-3 ? v.toExponential(2) : v.toPrecision(digits);

function buildTexts() {
  for (const [box, axis] of [[rowText, "key"], [colText, "query"]]) {
    box.replaceChildren(...index.prompts[state.prompt].tokens.map((t, i) => {
      const span = make("span", { title: `${i}` }, t);
      span.addEventListener("mouseenter", () => { if (!state.pinned) point(axis === "key" ? state.query : i, axis === "key" ? i : state.key, true, i); });
      span.addEventListener("click", () => { state.pinned = false; point(i, index.causal ? Math.min(i, Math.max(0, state.key)) : Math.max(0, state.key)); state.pinned = true; drawCross(); });
      return span;
    }));
  }
}
// Shades the text by row `query` (what it attends to) and column `key` (who attends to it).
function drawTexts() {
  const { query, key } = state, tokens = index.prompts[state.prompt].tokens;
  if (!shown || query < 0) { rowTitle.textContent = "Hover a token or a cell: what it attends to"; colTitle.textContent = "… and who attends to it"; return; }
  const [low, high] = rangeOf(shown);
  const shade = (box, value, rgb) => [...box.children].forEach((span, i) => {
    const v = value(i);
    span.style.backgroundColor = v === undefined || !Number.isFinite(v) ? "" : `rgba(var(${rgb}), ${0.85 * share(v, low, high)})`;
    span.classList.toggle("off", v === undefined);
    span.title = v === undefined ? `${i}: masked` : `${i}: ${number(v, 4)}`;
    span.classList.toggle("here", i === (box === rowText ? query : key));
  });
  shade(rowText, (i) => shown.at(query, i), "--shade");
  shade(colText, (i) => shown.at(i, key), "--shade2");
  rowTitle.textContent = `Row: what query ${query} “${tokens[query]}” attends to`;
  colTitle.textContent = `Column: who attends to key ${key} “${tokens[key]}”`;
}
function drawReadout() {
  const { query, key, prompt: p, layer, head } = state, tokens = index.prompts[p].tokens;
  heading.textContent = `Layer ${layer}, head ${head}`;
  delete readout.dataset.value;
  if (!shown) { readout.replaceChildren("not recorded for this prompt"); return; }
  if (query < 0) { readout.replaceChildren(`${index.hook} · ${tokens.length} tokens · maximum ${number(shown.max, 4)}`); return; }
  const value = shown.at(query, key);
  readout.dataset.value = value === undefined ? "masked" : String(value);
  readout.replaceChildren("query ", make("code", {}, `${query} ${tokens[query]}`), " → key ", make("code", {}, `${key} ${tokens[key]}`), "  ",
    make("b", {}, value === undefined ? "masked" : number(value, 5)), state.pinned ? "  (pinned; Esc lets go)" : "");
}
// `lone`: the index of a hovered token, whose row and column are both wanted.
function point(query, key, both = false, lone = 0) {
  if (!shown) return;
  const last = shown.size - 1, clip = (i) => Math.min(last, Math.max(0, i));
  state.query = clip(both ? lone : query); state.key = clip(both ? lone : key);
  drawReadout(); drawCross(); drawTexts();
}
async function show() {
  for (const [name, thumbnail] of thumbnails) {
    const on = name === `${state.layer}-${state.head}`;
    thumbnail.setAttribute("aria-selected", on); thumbnail.tabIndex = on ? 0 : -1;
  }
  const wanted = `${state.prompt}-${state.layer}-${state.head}`;
  const map = await load(state.prompt, state.layer, state.head);
  if (wanted !== `${state.prompt}-${state.layer}-${state.head}`) return;
  shown = map;
  if (map) { drawMap(); canvas.hidden = cross.hidden = false; } else canvas.hidden = cross.hidden = true;
  drawReadout(); drawTexts();
  root.dataset.ready = "1";
}
function choose(change) {
  const before = state.prompt;
  Object.assign(state, change);
  // Only a choice scrolls: a page that holds this one in a frame must open at its own top.
  thumbnails.get(`${state.layer}-${state.head}`)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (state.prompt !== before) { state.query = state.key = -1; state.pinned = false; prompt.value = state.prompt; buildTexts(); drawThumbnails(); }
  return show();
}
function redraw() { drawMap(); drawTexts(); drawThumbnails(); }

// ---- pointer and keys ---------------------------------------------------------------------------
function cellAt(event) {
  const box = canvas.getBoundingClientRect(), g = geometry;
  const key = Math.floor((event.clientX - box.left - g.left) / g.cell), query = Math.floor((event.clientY - box.top - TOP) / g.cell);
  return shown && key >= 0 && query >= 0 && key < shown.size && query < shown.size ? [query, key] : null;
}
canvas.addEventListener("pointermove", (e) => { const c = cellAt(e); if (c && !state.pinned) point(...c); });
canvas.addEventListener("click", (e) => { const c = cellAt(e); if (c) { state.pinned = true; point(...c); } });
const next = (list, value, by) => list[Math.min(list.length - 1, Math.max(0, list.indexOf(value) + by))];
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
document.addEventListener("keydown", (e) => {
  if (e.target.tagName === "SELECT" || e.ctrlKey || e.metaKey || e.altKey) return;
  const move = ARROWS[e.key];
  const steps = { "[": [0, -1], "]": [0, 1], "{": [-1, 0], "}": [1, 0] }[e.key];
  if (move && e.target === canvas) { state.pinned = true; point(Math.max(0, state.query) + move[0], Math.max(0, state.key) + move[1]); }
  else if (steps || (move && grid.contains(e.target))) {
    const by = steps || move;
    choose({ layer: next(layers, state.layer, by[0]), head: next(heads, state.head, by[1]) });
    if (!steps) thumbnails.get(`${state.layer}-${state.head}`).focus();
  } else if (e.key === "Escape") { state.pinned = false; state.query = state.key = -1; buildTexts(); drawReadout(); drawCross(); drawTexts(); }
  else return;
  e.preventDefault();
});
window.addEventListener("resize", drawMap);

// ---- address and scripts ------------------------------------------------------------------------
async function open() {
  const match = /^#cell=(\d+),(\d+),(\d+),(\d+),(\d+)$/.exec(location.hash);
  if (!match) return show();
  const [p, layer, head, query, key] = match.slice(1).map(Number);
  if (!maps.has(`${p}-${layer}-${head}`)) { await show(); readout.replaceChildren(`prompt ${p}, layer ${layer}, head ${head} is not in this page`); return; }
  await choose({ prompt: p, layer, head });
  state.pinned = true;
  point(query, key);
}
window.addEventListener("hashchange", open);
window.headscope = {
  // The value of one cell; undefined if masked. Rejects if the map is not in the page.
  async value(p, layer, head, query, key) {
    const map = await load(p, layer, head);
    if (!map || query < 0 || key < 0 || query >= map.size || key >= map.size) throw new RangeError("no such cell");
    return map.at(query, key);
  },
};

document.getElementById("app").replaceChildren(
  make("header", {}, make("h1", {}, index.title), make("span", { class: "sub" }, `${index.model} · ${index.hook}`),
    make("label", {}, "prompt ", prompt), make("label", {}, "colours ", scale), theme),
  make("main", {}, grid, make("section", { id: "view" }, heading, readout, make("div", { class: "stage" }, canvas, cross),
    make("div", { class: "texts" }, make("div", {}, rowTitle, rowText), make("div", {}, colTitle, colText)))),
  make("footer", {}, make("kbd", {}, "↑↓←→"), " move in the grid or the map · ", make("kbd", {}, "[ ]"), " head · ", make("kbd", {}, "{ }"),
    " layer · ", make("kbd", {}, "Esc"), ` unpin · values are exact to 1/65535 of the range · headscope ${index.version}, offline page`));
buildGrid();
prompt.value = state.prompt;
root.dataset.theme = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
buildTexts();
open().then(drawThumbnails);
})();
