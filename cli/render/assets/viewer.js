"use strict";
(() => {
const { root, make, option, bytesOf, number, css, clamp } = page;
const index = JSON.parse(document.getElementById("index").textContent);
const PALETTES = Object.fromEntries(Object.entries(index.palettes).map(([k, v]) => [k, bytesOf(v)]));
const MEAN = -1;  // as a layer or a head: the mean over all of them
const entries = new Map(index.maps.map((m) => [m.slice(0, 3).join("-"), m]));
const sorted = (axis) => [...new Set(index.maps.map((m) => m[axis]))].sort((a, b) => a - b);
const layers = sorted(1), heads = sorted(2);
const first = { prompt: index.maps[0][0], layer: layers[0], head: heads[0] };
// a is the map shown; b, if any, the one beside it; picks is where the grid's clicks go. crop: tokens
// [from, to) of queries and keys.
const state = { a: { ...first }, b: null, picks: "a", query: -1, key: -1, pinned: false, scale: "own", crop: null, order: "grid", find: "", thumb: 0, side: true };
const spec = (s) => `${s.prompt}-${s.layer}-${s.head}`;
const tokensOf = (s) => index.prompts[s.prompt].tokens;
const nameOf = (s) => s.layer === MEAN && s.head === MEAN ? "mean over all heads" : s.layer === MEAN ? `head ${s.head}, mean over layers`
  : s.head === MEAN ? `layer ${s.layer}, mean over heads` : `layer ${s.layer}, head ${s.head}`;

// ---- maps: unpacked when first asked for, the last few kept -------------------------------------
const UNIT = 0, RANGE = 1, ROOT = 2, COARSE = 3;  // PackedMap::Encoding
const cache = new Map();
const KEEP = 24;
async function inflate(bytes) {
  const stream = new DecompressionStream("deflate"), writer = stream.writable.getWriter();
  const written = writer.write(bytes).then(() => writer.close());
  const out = new Uint8Array(await new Response(stream.readable).arrayBuffer());
  await written;
  return out;
}
// The value of every code, and how far a value may be from it.
function decoder(coded, low, high, levels) {
  const odd = (code, most) => code === most ? NaN : code === most - 1 ? Infinity : code === most - 2 ? -Infinity : undefined;
  const finite = { [UNIT]: (c) => c / 65535, [RANGE]: (c) => low + c / 65532 * (high - low), [ROOT]: (c) => high * (c / levels) ** 2, [COARSE]: (c) => low + c / levels * (high - low) }[coded];
  const value = coded === UNIT || coded === ROOT ? finite : (c) => { const o = odd(c, coded === RANGE ? 65535 : 255); return o === undefined ? finite(c) : o; };
  const error = { [UNIT]: () => 0.5 / 65535, [RANGE]: () => (high - low) / 2 / 65532, [ROOT]: (v) => high * (Math.sqrt(v / high) / levels + 0.25 / levels ** 2), [COARSE]: () => (high - low) / 2 / levels }[coded];
  return { value, error };
}
function finished(size, values, unit, error) {
  let min = Infinity, max = -Infinity;
  for (const value of values) if (Number.isFinite(value)) { if (value < min) min = value; if (value > max) max = value; }
  const at = index.causal ? (q, k) => k > q ? undefined : values[q * (q + 1) / 2 + k] : (q, k) => values[q * size + k];
  return { size, values, at, unit, error, min: min > max ? 0 : min, max: min > max ? 1 : max };
}
async function unpack(name) {
  const [prompt, , , coded, low, high, levels] = entries.get(name);
  const bytes = await inflate(bytesOf(document.getElementById("m" + name).textContent));
  const wide = coded === UNIT || coded === RANGE, count = wide ? bytes.length / 2 : bytes.length;
  const { value, error } = decoder(coded, low, high, levels), values = new Float32Array(count);
  if (wide) for (let i = 0; i < count; i++) values[i] = value(bytes[i] << 8 | bytes[count + i]);
  else { const table = Float32Array.from({ length: 256 }, (_, c) => value(c)); for (let i = 0; i < count; i++) values[i] = table[bytes[i]]; }
  return finished(index.prompts[prompt].tokens.length, values, coded === UNIT || coded === ROOT, error);
}
const membersOf = (s) => index.maps.filter((m) => m[0] === s.prompt && (s.layer === MEAN || m[1] === s.layer) && (s.head === MEAN || m[2] === s.head)).map((m) => m.slice(0, 3).join("-"));
// A mean's values are as exact as its members' are on average.
async function mean(s) {
  const names = membersOf(s);
  if (!names.length) return null;
  let sum = null, unit = true; const errors = [];
  for (const name of names) {
    const map = await (cache.get(name) || unpack(name));
    if (!sum) sum = new Float64Array(map.values.length);
    for (let i = 0; i < sum.length; i++) sum[i] += map.values[i];
    unit = unit && map.unit; errors.push(map.error);
  }
  const error = (v) => errors.reduce((t, e) => t + e(v), 0) / errors.length;
  return finished(tokensOf(s).length, Float32Array.from(sum, (v) => v / names.length), unit, error);
}
function load(s) {
  const name = spec(s), pooled = s.layer === MEAN || s.head === MEAN;
  if (!pooled && !entries.has(name)) return Promise.resolve(null);
  let entry = cache.get(name);
  if (entry) cache.delete(name); else entry = pooled ? mean(s) : unpack(name);
  cache.set(name, entry);
  if (cache.size > KEEP) cache.delete(cache.keys().next().value);
  return entry;
}
function difference(a, b) {
  if (!a || !b || a.size !== b.size) return null;
  const map = finished(a.size, Float32Array.from(a.values, (v, i) => v - b.values[i]), false, (v) => a.error(Math.abs(v)) + b.error(Math.abs(v)));
  return { ...map, signed: true };
}

// ---- colours ------------------------------------------------------------------------------------
const paletteOf = (range) => range.signed ? PALETTES[page.dark() ? "diverging_dark" : "diverging"] : PALETTES.sequential;
// Maps side by side share their range, so that a colour means one value.
function rangeOf(...maps) {
  if (maps[0].signed) { const high = Math.max(Math.abs(maps[0].min), Math.abs(maps[0].max)) || 1; return { signed: true, low: -high, high }; }
  const unit = maps.every((m) => m.unit), low = unit ? 0 : Math.min(...maps.map((m) => m.min));
  const high = state.scale === "unit" && unit ? 1 : Math.max(...maps.map((m) => m.max));
  return { low, high: high > low ? high : low + 1 };
}
function paint(pixels, at, value, range, palette) {
  const [r, g, b] = page.colour(value, range, state.scale, palette);
  pixels[at] = r; pixels[at + 1] = g; pixels[at + 2] = b; pixels[at + 3] = 255;
}
// Blocks show their largest value (of a difference, the one furthest from 0), so that diagonals and
// single cells survive. Rows and columns [q0, q1) × [k0, k1).
function pooled(map, [q0, q1, k0, k1], block) {
  const rows = Math.ceil((q1 - q0) / block), cols = Math.ceil((k1 - k0) / block), size = map.signed ? Math.abs : (v) => v;
  const out = new Float32Array(rows * cols), seen = new Uint8Array(rows * cols);
  for (let q = q0; q < q1; q++) {
    const row = Math.floor((q - q0) / block) * cols, end = index.causal ? Math.min(k1, q + 1) : k1;
    for (let k = k0; k < end; k++) {
      const cell = row + Math.floor((k - k0) / block), v = map.at(q, k);
      if (!seen[cell] || !(size(v) <= size(out[cell]))) out[cell] = v;
      seen[cell] = 1;
    }
  }
  return { rows, cols, out, seen };
}
function drawPixels(target, { rows, cols, out, seen }, range) {
  target.width = cols; target.height = rows;
  const context = target.getContext("2d"), image = context.createImageData(cols, rows), palette = paletteOf(range);
  for (let i = 0; i < rows * cols; i++) if (seen[i]) paint(image.data, i * 4, out[i], range, palette);
  context.putImageData(image, 0, 0);
}

// ---- thumbnails ---------------------------------------------------------------------------------
const grid = make("section", { id: "grid", "aria-label": "layers and heads" });
const thumbnails = new Map();
for (const l of layers) for (const h of heads) {
  thumbnails.set(`${l}-${h}`, make("canvas", { width: 1, height: 1, role: "gridcell", tabindex: -1, title: `layer ${l}, head ${h}`,
    "aria-label": `layer ${l}, head ${h}`, onclick: (e) => pick({ layer: l, head: h }, e.shiftKey) }));
}
const meanButton = (text, layer, head) => make("button", { type: "button", title: nameOf({ layer, head }), "data-mean": `${layer}-${head}`, onclick: (e) => pick({ layer, head }, e.shiftKey) }, text);
function table() {
  const lines = layers.map((l) => make("tr", {}, make("th", { scope: "row" }, meanButton("L" + l, l, MEAN)), ...heads.map((h) => make("td", {}, thumbnails.get(`${l}-${h}`)))));
  return make("table", { role: "grid" }, make("thead", {}, make("tr", {}, make("th", {}, meanButton("all", MEAN, MEAN)),
    ...heads.map((h) => make("th", { scope: "col" }, meanButton((heads.length > 16 ? "" : "H") + h, MEAN, h))))), make("tbody", {}, ...lines));
}
const SCORE = 7;  // where a map's scores begin in its entry
const OWN = "own";  // the order by scores that came with the page
const scoreOf = (l, h) => {
  if (state.order === OWN) return index.own_scores.of[`${l}.${h}`] ?? null;
  const own = index.scores.findIndex((s) => s.name === state.order);
  return own < 0 ? null : entries.get(`${state.a.prompt}-${l}-${h}`)?.[SCORE][own] ?? null;
};
function ranked() {
  const all = layers.flatMap((l) => heads.map((h) => ({ l, h, score: scoreOf(l, h) })));
  return all.sort((x, y) => (y.score ?? -Infinity) - (x.score ?? -Infinity) || x.l - y.l || x.h - y.h);
}
let order = [];  // "layer-head" as they stand
function buildGrid() {
  if (state.order === "grid") { order = layers.flatMap((l) => heads.map((h) => `${l}-${h}`)); grid.replaceChildren(table()); } else {
    const list = ranked();
    order = list.map((x) => `${x.l}-${x.h}`);
    grid.replaceChildren(make("div", { class: "list", role: "grid" }, ...list.map((x) => make("figure", {}, thumbnails.get(`${x.l}-${x.h}`),
      make("figcaption", {}, make("b", {}, `${x.l}.${x.h}`), " " + (x.score === null ? "–" : number(x.score, 3)))))));
  }
  sizeThumbnails(); mark(); dim();
}
function sizeThumbnails() {
  const room = grid.clientWidth - 42, fitting = Math.floor(room / heads.length) - 2;
  const size = state.thumb || (state.order === "grid" ? clamp(fitting, 12, 46) : 64);
  root.style.setProperty("--thumb", size + "px");
  root.style.setProperty("--gridw", Math.max(300, heads.length * 48 + 60) + "px");
}
function mark() {
  for (const [name, thumbnail] of thumbnails) {
    const on = name === `${state.a.layer}-${state.a.head}`;
    thumbnail.setAttribute("aria-selected", on); thumbnail.tabIndex = on ? 0 : -1;
    thumbnail.classList.toggle("other", state.b !== null && name === `${state.b.layer}-${state.b.head}`);
  }
  for (const b of grid.querySelectorAll("button[data-mean]")) b.setAttribute("aria-pressed", b.dataset.mean === `${state.a.layer}-${state.a.head}`);
}
// "3.2", "L3H2" and "3 2" are a head, "L3" or "3" a layer, "H2" a head of every layer.
function wantedHeads(text) {
  const layer = /l(\d+)/i.exec(text) || /^(\d+)/.exec(text), head = /h(\d+)/i.exec(text) || /\d+\D+(\d+)$/.exec(text);
  return { layer: layer ? +layer[1] : null, head: head ? +head[1] : null };
}
function dim() {
  const want = wantedHeads(state.find);
  let found = 0;
  for (const [name, thumbnail] of thumbnails) {
    const [l, h] = name.split("-").map(Number), fits = (want.layer === null || want.layer === l) && (want.head === null || want.head === h);
    thumbnail.classList.toggle("dim", !fits); found += fits;
  }
  find.setAttribute("aria-invalid", state.find !== "" && (found === 0 || want.layer === want.head));
}
// Within the grid alone: the page itself stays at its top, in another's frame too.
function reveal(name) {
  const thumbnail = thumbnails.get(name);
  if (!thumbnail) return;
  const box = thumbnail.getBoundingClientRect(), frame = grid.getBoundingClientRect(), MARGIN = 40;
  if (box.top < frame.top + MARGIN || box.bottom > frame.bottom) grid.scrollTop += box.top - frame.top - frame.height / 2;
  if (box.left < frame.left + MARGIN || box.right > frame.right) grid.scrollLeft += box.left - frame.left - frame.width / 2;
}
let generation = 0;
const inSight = (canvas) => { const box = canvas.getBoundingClientRect(), frame = grid.getBoundingClientRect(); return box.bottom > frame.top && box.top < frame.bottom && box.right > frame.left && box.left < frame.right; };
// Those in sight first; the page answers while the rest are drawn.
async function drawThumbnails() {
  const mine = ++generation, whole = tokensOf(state.a).length, window4 = state.crop || [0, whole, 0, whole];
  const block = Math.max(1, Math.ceil(Math.max(window4[1] - window4[0], window4[3] - window4[2]) / 64));
  root.dataset.thumbnails = "0"; delete root.dataset.complete;
  const names = state.side ? [...order.filter((n) => inSight(thumbnails.get(n))), ...order.filter((n) => !inSight(thumbnails.get(n)))] : [];
  let drawn = 0, rested = performance.now();
  for (const n of names) {
    const name = `${state.a.prompt}-${n}`, thumbnail = thumbnails.get(n);
    const map = cache.has(name) ? await cache.get(name) : entries.has(name) ? await unpack(name) : null;
    if (mine !== generation) return;
    if (map) drawPixels(thumbnail, pooled(map, window4, block), rangeOf(map)); else thumbnail.width = 1;
    root.dataset.thumbnails = String(++drawn);
    if (performance.now() - rested > 12) { await new Promise((go) => setTimeout(go)); rested = performance.now(); }
  }
  root.dataset.complete = "1";
}

// ---- large maps ---------------------------------------------------------------------------------
const TOP = 8;  // above the plot, so that the first label is whole
const view = make("section", { id: "view" }), panelBox = make("div", { id: "panels" });
let panels = [];  // { map, title, canvas, cross, range, tokens, g }
const short = (t) => { const c = [...t]; return c.length > 14 ? c.slice(0, 13).join("") + "…" : t; };
function tickStep(cell) { for (let p = 1; ; p *= 10) for (const s of [p, 2 * p, 5 * p]) if (s * cell >= 34) return s; }
// The crop, kept to the tokens that a map has.
function cropOf(map) {
  if (!state.crop) return [0, map.size, 0, map.size];
  const [q0, q1, k0, k1] = state.crop;
  return q0 >= map.size || k0 >= map.size ? [0, map.size, 0, map.size] : [q0, Math.min(q1, map.size), k0, Math.min(k1, map.size)];
}
function labelRoom(panel, font) {
  const context = panel.canvas.getContext("2d");
  context.font = font;
  return Math.ceil(Math.max(...panel.tokens.map((t) => context.measureText(short(t)).width)) + 10);
}
// Large cells are of whole device pixels; where there are more cells than pixels, one shows a block.
function layout(panel, count) {
  const ratio = window.devicePixelRatio || 1, crop = cropOf(panel.map), rows = crop[1] - crop[0], cols = crop[3] - crop[2];
  const columns = Math.min(count, Math.max(1, Math.floor(panelBox.clientWidth / 330)));
  const BAR = 72, width = panelBox.clientWidth / columns - 12 - BAR, height = Math.max(300, window.innerHeight - (count > 1 ? 230 : 190));
  const cellFor = (margin) => Math.min((width - margin) / cols, (height - margin) / rows, 60);
  const sized = (cell) => `${clamp(cell * 0.7, 9, 12)}px system-ui, "DejaVu Sans", sans-serif`;
  let margin = 38, cell = cellFor(margin), font = sized(10), labelled = false;
  if (cell >= 9.5) { const room = labelRoom(panel, sized(cell)); if (cellFor(room) >= 9.5) { labelled = true; margin = room; cell = cellFor(margin); font = sized(cell); } }
  cell *= ratio;
  const block = cell >= 1 ? 1 : Math.ceil(1 / cell);
  const px = (cell >= 4 ? Math.floor(cell) : cell) / ratio;
  return { ratio, crop, block, cell: px, labelled, font, left: margin, plotWidth: cols * px, plotHeight: rows * px, width: margin + cols * px + BAR, height: TOP + rows * px + margin + 4 };
}
function fit(target, g) {
  target.width = Math.ceil(g.width * g.ratio); target.height = Math.ceil(g.height * g.ratio);
  target.style.width = g.width + "px"; target.style.height = g.height + "px";
  const context = target.getContext("2d");
  context.setTransform(g.ratio, 0, 0, g.ratio, 0, 0);
  return context;
}
const scratch = document.createElement("canvas");
function drawPanel(panel, count) {
  const g = panel.g = layout(panel, count), context = fit(panel.canvas, g), picture = pooled(panel.map, g.crop, g.block);
  drawPixels(scratch, picture, panel.range);
  context.imageSmoothingEnabled = false;
  context.drawImage(scratch, g.left, TOP, picture.cols * g.block * g.cell, picture.rows * g.block * g.cell);
  context.strokeStyle = css("--line");
  context.strokeRect(g.left - 0.5, TOP - 0.5, g.plotWidth + 1, g.plotHeight + 1);
  drawLabels(context, panel);
  drawBar(context, panel);
}
function drawLabels(context, { g, tokens }) {
  const step = g.labelled ? 1 : tickStep(g.cell), text = (i) => g.labelled ? short(tokens[i]) : String(i), begin = (i) => Math.ceil(i / step) * step;
  context.font = g.font; context.fillStyle = css("--faint"); context.textAlign = "right"; context.textBaseline = "middle";
  for (let i = begin(g.crop[0]); i < g.crop[1]; i += step) context.fillText(text(i), g.left - 5, TOP + (i - g.crop[0] + 0.5) * g.cell);
  for (let i = begin(g.crop[2]); i < g.crop[3]; i += step) {
    context.save();
    context.translate(g.left + (i - g.crop[2] + 0.5) * g.cell, TOP + g.plotHeight + 6); context.rotate(-Math.PI / 2);
    context.fillText(text(i), 0, 0);
    context.restore();
  }
}
function drawBar(context, { g, range }) {
  const x = g.left + g.plotWidth + 12, height = Math.min(g.plotHeight, 240), palette = paletteOf(range);
  for (let i = 0; i < height; i++) {
    const c = Math.round(255 * (1 - i / Math.max(1, height - 1))) * 3;
    context.fillStyle = `rgb(${palette[c]},${palette[c + 1]},${palette[c + 2]})`;
    context.fillRect(x, TOP + i, 12, 1.5);
  }
  context.font = "11px system-ui, sans-serif"; context.fillStyle = css("--faint"); context.textAlign = "left";
  for (const t of height < 80 ? [0, 1] : [0, 0.25, 0.5, 0.75, 1]) {
    const value = page.valueAt(t, range, state.scale);
    context.fillText(number(value, 3).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, ""), x + 17, TOP + (1 - t) * height + (t === 1 ? 4 : t === 0 ? -3 : 0));
  }
}
let drag = null;
function drawCross() {
  for (const { g, cross } of panels) {
    if (!g) continue;
    const context = fit(cross, g);
    context.beginPath(); context.rect(g.left - 3, 0, g.plotWidth + 6, TOP + g.plotHeight + 3); context.clip();
    const x = (k) => g.left + (k - g.crop[2]) * g.cell, y = (q) => TOP + (q - g.crop[0]) * g.cell, side = Math.max(g.cell, 5), back = (side - g.cell) / 2;
    context.strokeStyle = css("--hit"); context.lineWidth = state.pinned ? 2 : 1.2;
    if (drag && drag.to) {
      const [q0, q1, k0, k1] = boxOf(drag);
      context.setLineDash([4, 3]); context.strokeRect(x(k0), y(q0), (k1 - k0) * g.cell, (q1 - q0) * g.cell); context.setLineDash([]);
    }
    if (state.query < 0) continue;
    context.globalAlpha = 0.65;
    context.strokeRect(g.left, y(state.query) - back, g.plotWidth, side);
    context.strokeRect(x(state.key) - back, TOP, side, g.plotHeight);
    context.globalAlpha = 1;
    context.strokeRect(x(state.key) - back, y(state.query) - back, side, side);
  }
}
function panelOf(map, title, tokens, ...sharing) {
  const canvas = make("canvas", { id: panels.length ? undefined : "map", tabindex: 0, "aria-label": `${title || nameOf(state.a)}: attention map; arrow keys move between cells, drag to zoom` }), cross = make("canvas", { class: "cross" });
  const panel = { map, title, tokens, canvas, cross, range: rangeOf(map, ...sharing) };
  canvas.addEventListener("pointerdown", (e) => { const c = cellAt(panel, e); if (c && e.button === 0) { drag = { from: c, to: null }; canvas.setPointerCapture(e.pointerId); } });
  canvas.addEventListener("pointermove", (e) => hover(panel, e));
  canvas.addEventListener("pointerup", (e) => release(panel, e));
  canvas.addEventListener("pointercancel", () => { drag = null; drawCross(); });
  canvas.addEventListener("dblclick", () => crop(null));
  panels.push(panel);
}
let shown = null, beside = null;
function buildPanels() {
  panels = [];
  if (shown) panelOf(shown, state.b ? `A: ${nameOf(state.a)}` : "", tokensOf(state.a), ...(beside ? [beside] : []));
  if (state.b && beside) panelOf(beside, `B: ${nameOf(state.b)}`, tokensOf(state.b), ...(shown ? [shown] : []));
  const apart = state.b && difference(shown, beside);
  if (apart) panelOf(apart, "A − B", tokensOf(state.a));
  panelBox.replaceChildren(...panels.map((p) => make("section", {}, make("h3", { hidden: p.title === "" }, p.title), make("div", { class: "stage" }, p.canvas, p.cross))));
  if (state.b && shown && beside && !apart) panelBox.append(make("p", { class: "sub" }, `No difference map: A has ${shown.size} tokens, B ${beside.size}.`));
  drawPanels();
}
function drawPanels() { for (const p of panels) drawPanel(p, panels.length); drawCross(); }

// ---- controls and texts -------------------------------------------------------------------------
const preview = (p) => { const t = p.tokens.join(p.gap || "").replaceAll("␣", " "); return t.length > 50 ? t.slice(0, 50) + "…" : t; };
const promptChoice = (side, label) => make("select", { id: side === "a" ? "prompt" : "prompt-b", "aria-label": label, onchange: (e) => { side === "a" ? choose({ prompt: +e.target.value }) : compare({ ...state.b, prompt: +e.target.value }); } },
  ...index.prompts.map((p, i) => option(i, `${p.source ? p.source + " · " : ""}${p.id || i}: ${preview(p)}`)));
const promptA = promptChoice("a", "prompt"), promptB = promptChoice("b", "prompt of B");
const scale = make("select", { id: "scale", onchange: (e) => { state.scale = e.target.value; redraw(); } },
  option("own", "0 … maximum"), option("root", "square root"), option("log", "logarithm, 4 decades"), option("unit", "0 … 1"));
const find = make("input", { type: "search", id: "find", placeholder: "3.2, L3, H2", "aria-label": "find a head: 3.2, L3 or H2", oninput: () => { state.find = find.value.trim(); dim(); link(); const w = wantedHeads(state.find); if (w.layer !== null && w.head !== null && layers.includes(w.layer) && heads.includes(w.head)) choose(w); } });
const orderChoice = make("select", { id: "order", "aria-label": "order of heads", onchange: () => { state.order = orderChoice.value; buildGrid(); drawThumbnails(); link(); } }, option("grid", "layer × head"));
if (index.own_scores) { orderChoice.append(option(OWN, "by " + index.own_scores.name)); orderChoice.value = state.order = OWN; }
if (index.maps.some((m) => m[SCORE].length)) for (const s of index.scores) orderChoice.append(option(s.name, "by " + s.meaning));
const thumbSize = make("input", { type: "range", min: 12, max: 128, value: 46, id: "thumb", "aria-label": "size of thumbnails", oninput: () => { state.thumb = +thumbSize.value; sizeThumbnails(); }, onchange: () => link() });
const cropText = make("input", { type: "text", id: "tokens", placeholder: "0:64 or 0:64,8:40", "aria-label": "tokens shown: from:to, or queries,keys", onchange: () => readCrop(cropText.value) });
const swap = make("button", { type: "button", id: "swap", onclick: () => { [state.a, state.b] = [state.b, state.a]; syncPrompts(); buildTexts(); show(); drawThumbnails(); } }, "swap");
const picks = make("select", { id: "picks", "aria-label": "the grid chooses", onchange: () => { state.picks = picks.value; } }, option("a", "grid chooses A"), option("b", "grid chooses B"));
const comparing = make("button", { type: "button", id: "compare", "aria-pressed": "false", title: "two heads, prompts or traces side by side (d)", onclick: () => compare(state.b ? null : { ...state.a }) }, "compare");
const sideButton = make("button", { type: "button", id: "side-button", "aria-pressed": "true", title: "show the grid of heads", onclick: () => { state.side = !state.side; showSide(); redraw(); } }, "heads");
const heading = make("h2"), readout = make("output", { id: "readout" });
const rowText = make("div", { class: "tokens", id: "row" }), colText = make("div", { class: "tokens", id: "col" });
const rowTitle = make("h3"), colTitle = make("h3");
const otherControls = [picks, make("label", {}, "B ", promptB), swap];
const main = make("main");
function showSide() { main.classList.toggle("alone", !state.side); sideButton.setAttribute("aria-pressed", state.side); sizeThumbnails(); }
function syncPrompts() {
  promptA.value = state.a.prompt;
  if (state.b) promptB.value = state.b.prompt;
  comparing.setAttribute("aria-pressed", state.b !== null);
  for (const c of otherControls) c.hidden = state.b === null;
  if (!state.b) { state.picks = "a"; picks.value = "a"; }
}
function buildTexts() {
  for (const [box, axis] of [[rowText, "key"], [colText, "query"]]) {
    const gap = index.prompts[state.a.prompt].gap || "";
    box.replaceChildren(...tokensOf(state.a).flatMap((t, i) => {
      const span = make("span", { title: `${i}` }, t);
      span.addEventListener("mouseenter", () => { if (!state.pinned) point(i, i); });
      span.addEventListener("click", () => { const c = axis === "key" && !state.pinned ? [i, i] : axis === "key" ? [state.query, i] : [i, Math.max(0, state.key)]; state.pinned = true; point(...c); });
      return i && gap ? [gap, span] : [span];
    }));
  }
}
// Shades the text by row `query` (what it attends to) and column `key` (who attends to it).
function drawTexts() {
  const { query, key } = state, tokens = tokensOf(state.a);
  if (!shown || query < 0 || query >= shown.size || key >= shown.size) {
    rowTitle.textContent = "Hover a token or a cell: what it attends to"; colTitle.textContent = "… and who attends to it";
    for (const box of [rowText, colText]) for (const span of box.children) { span.style.backgroundColor = ""; span.className = ""; }
    return;
  }
  const range = rangeOf(shown);
  const shade = (box, value, rgb) => [...box.children].forEach((span, i) => {
    const v = value(i);
    span.style.backgroundColor = v === undefined || !Number.isFinite(v) ? "" : `rgba(var(${rgb}), ${0.85 * page.place(v, range, state.scale)})`;
    span.classList.toggle("off", v === undefined);
    span.title = v === undefined ? `${i}: masked` : `${i}: ${number(v, 4)}`;
    span.classList.toggle("here", i === (box === rowText ? query : key));
  });
  shade(rowText, (i) => shown.at(query, i), "--shade");
  shade(colText, (i) => shown.at(i, key), "--shade2");
  rowTitle.textContent = `Row: what query ${query} “${tokens[query]}” attends to`;
  colTitle.textContent = `Column: who attends to key ${key} “${tokens[key]}”`;
}
const spoken = (map, value) => value === undefined ? "masked" : number(value, 5) + (Number.isFinite(value) && map.error(Math.abs(value)) > 1e-5 ? ` ± ${number(map.error(Math.abs(value)), 1)}` : "");
function drawReadout() {
  const { query, key, a, b } = state, tokens = tokensOf(a), title = nameOf(a);
  heading.textContent = (b ? "A: " : "") + title[0].toUpperCase() + title.slice(1);
  delete readout.dataset.value;
  if (!shown) { readout.replaceChildren("not recorded for this prompt"); return; }
  if (query < 0 || query >= shown.size || key >= shown.size) { readout.replaceChildren(`${index.hook} · ${tokens.length} tokens · maximum ${number(shown.max, 4)}`); return; }
  const value = shown.at(query, key);
  readout.dataset.value = value === undefined ? "masked" : String(value);
  const parts = ["query ", make("code", {}, `${query} ${tokens[query]}`), " → key ", make("code", {}, `${key} ${tokens[key]}`), "  ", make("b", {}, spoken(shown, value))];
  if (b && beside && query < beside.size && key < beside.size) {
    const other = beside.at(query, key);
    parts.push(" · B ", make("b", {}, spoken(beside, other)));
    if (value !== undefined && other !== undefined) { parts.push(" · A − B ", make("b", {}, number(value - other, 4))); readout.dataset.difference = String(value - other); }
  }
  readout.replaceChildren(...parts, state.pinned ? "  (pinned; Esc lets go)" : "");
}
function point(query, key) {
  if (!shown) return;
  state.query = clamp(query, 0, shown.size - 1); state.key = clamp(key, 0, shown.size - 1);
  drawReadout(); drawCross(); drawTexts();
  if (state.pinned) link();
}

// ---- what is shown ------------------------------------------------------------------------------
async function show() {
  mark(); syncPrompts();
  const wanted = JSON.stringify([state.a, state.b]), before = shown;
  const [map, other] = await Promise.all([load(state.a), state.b ? load(state.b) : null]);
  if (wanted !== JSON.stringify([state.a, state.b])) return;
  shown = map; beside = other;
  if (before && map && before.size !== map.size && state.query >= map.size) { state.query = state.key = -1; state.pinned = false; }
  buildPanels(); drawReadout(); drawTexts(); link();
  root.dataset.ready = "1";
}
function choose(change) {
  const before = state.a.prompt;
  Object.assign(state.a, change);
  reveal(`${state.a.layer}-${state.a.head}`);
  if (state.a.prompt !== before) { state.query = state.key = -1; state.pinned = false; setCrop(null); buildTexts(); if (state.order !== "grid") buildGrid(); drawThumbnails(); }
  return show();
}
function compare(other) { state.b = other; if (other && state.picks === "a") { state.picks = "b"; picks.value = "b"; } return show(); }
const pick = (head, other) => other || (state.b && state.picks === "b") ? compare({ prompt: state.b ? state.b.prompt : state.a.prompt, ...head }) : choose(head);
function setCrop(box) {
  state.crop = box;
  cropText.value = box ? (box[0] === box[2] && box[1] === box[3] ? `${box[0]}:${box[1]}` : `${box[0]}:${box[1]},${box[2]}:${box[3]}`) : "";
  cropText.setAttribute("aria-invalid", "false");
}
function crop(box) { setCrop(box); redraw(); link(); }
// "0:64" of both axes, "0:64,8:40" of queries and keys; an end left out is the prompt's.
function parsedCrop(text, size) {
  if (text.trim() === "") return null;
  const ranges = text.split(",").map((part) => /^\s*(\d*)\s*:\s*(\d*)\s*$/.exec(part)).map((m) => m && [m[1] === "" ? 0 : +m[1], m[2] === "" ? size : Math.min(size, +m[2])]);
  if (ranges.length > 2 || ranges.some((r) => !r || r[0] >= r[1])) return undefined;
  return [...ranges[0], ...ranges[ranges.length - 1]];
}
function readCrop(text) {
  const box = parsedCrop(text, tokensOf(state.a).length);
  if (box === undefined) cropText.setAttribute("aria-invalid", "true"); else crop(box);
}
function redraw() { buildPanels(); drawTexts(); drawThumbnails(); link(); }

// ---- pointer and keys ---------------------------------------------------------------------------
function cellAt({ canvas, g, map }, event) {
  const box = canvas.getBoundingClientRect();
  const key = g.crop[2] + Math.floor((event.clientX - box.left - g.left) / g.cell), query = g.crop[0] + Math.floor((event.clientY - box.top - TOP) / g.cell);
  return map && key >= g.crop[2] && query >= g.crop[0] && key < g.crop[3] && query < g.crop[1] ? [query, key] : null;
}
const boxOf = ({ from, to }) => [Math.min(from[0], to[0]), Math.max(from[0], to[0]) + 1, Math.min(from[1], to[1]), Math.max(from[1], to[1]) + 1];
function hover(panel, event) {
  const c = cellAt(panel, event);
  if (!c) return;
  if (drag) { drag.to = c[0] === drag.from[0] && c[1] === drag.from[1] ? null : c; drawCross(); } else if (!state.pinned) point(...c);
}
// A click pins a cell; a drag over more than a few pixels and cells zooms in on them.
function release(panel, event) {
  if (!drag) return;
  const done = drag, c = cellAt(panel, event);
  drag = null;
  if (done.to) { const box = boxOf(done), px = panel.g.cell; if ((box[1] - box[0]) * px > 6 && (box[3] - box[2]) * px > 6 && box[1] - box[0] > 1 && box[3] - box[2] > 1) { crop(box); return; } }
  if (c) { state.pinned = true; point(...c); }
}
function zoom(factor) {
  if (!shown) return;
  const [q0, q1, k0, k1] = cropOf(shown), around = (from, to, at) => {
    const length = clamp(Math.round((to - from) * factor), 4, shown.size), middle = at >= from && at < to ? at : (from + to) / 2;
    const begin = clamp(Math.round(middle - length / 2), 0, shown.size - Math.min(length, shown.size));
    return [begin, Math.min(shown.size, begin + length)];
  };
  const box = [...around(q0, q1, state.query), ...around(k0, k1, state.key)];
  crop(box[1] - box[0] >= shown.size && box[3] - box[2] >= shown.size ? null : box);
}
const next = (list, value, by) => list[clamp(list.indexOf(value) + by, 0, list.length - 1)];
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const KEYS = { "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), "0": () => crop(null), d: () => comparing.click(), "/": () => find.focus(),
  Escape: () => { state.pinned = false; state.query = state.key = -1; drag = null; drawReadout(); drawCross(); drawTexts(); link(); } };
function moveHead(by) {
  const current = state.picks === "b" && state.b ? state.b : state.a;
  const to = state.order === "grid" ? { layer: next(layers, current.layer, by[0]), head: next(heads, current.head, by[1]) }
    : (([layer, head]) => ({ layer, head }))(next(order, `${current.layer}-${current.head}`, by[0] || by[1]).split("-").map(Number));
  pick(to);
  return `${to.layer}-${to.head}`;
}
document.addEventListener("keydown", (e) => {
  if (page.typing(e)) { if (e.key === "Escape") e.target.blur(); return; }
  const move = ARROWS[e.key], steps = { "[": [0, -1], "]": [0, 1], "{": [-1, 0], "}": [1, 0] }[e.key];
  if (move && panelBox.contains(e.target)) { state.pinned = true; point(Math.max(0, state.query) + move[0], Math.max(0, state.key) + move[1]); }
  else if (steps) moveHead(steps);
  else if (move && grid.contains(e.target)) thumbnails.get(moveHead(move)).focus({ preventScroll: true });
  else if (KEYS[e.key]) KEYS[e.key]();
  else return;
  e.preventDefault();
});
window.addEventListener("resize", () => { sizeThumbnails(); drawPanels(); });
page.onTheme(() => { drawPanels(); link(); });

// ---- address and scripts ------------------------------------------------------------------------
function link() {
  if (!root.dataset.ready) return;
  const { a, b, query, key, pinned } = state;
  page.writeLink({ cell: [a.prompt, a.layer, a.head, ...(pinned ? [query, key] : [])].join(","), with: b ? [b.prompt, b.layer, b.head].join(",") : "",
    scale: state.scale === "own" ? "" : state.scale, tokens: cropText.value, order: state.order === (index.own_scores ? OWN : "grid") ? "" : state.order, find: state.find, thumb: state.thumb || "", side: state.side ? "" : "0" });
}
const specOf = (text) => { const m = /^(\d+),(-1|\d+),(-1|\d+)(?:,(\d+),(\d+))?$/.exec(text || ""); return m && { prompt: +m[1], layer: +m[2], head: +m[3], query: m[4], key: m[5] }; };
const known = (s) => s.prompt < index.prompts.length && membersOf(s).length > 0;
async function open() {
  const link = page.readLink(), cell = specOf(link.get("cell")), other = specOf(link.get("with")), has = (select, value) => [...select.options].some((o) => o.value === value);
  if (has(scale, link.get("scale"))) scale.value = state.scale = link.get("scale");
  if (has(orderChoice, link.get("order"))) orderChoice.value = state.order = link.get("order");
  find.value = state.find = link.get("find") || "";
  state.thumb = clamp(+link.get("thumb") || 0, 0, 128); if (state.thumb) thumbSize.value = state.thumb;
  state.side = link.get("side") !== "0"; showSide();
  state.b = other && known(other) ? { prompt: other.prompt, layer: other.layer, head: other.head } : null;
  const here = cell && known(cell);
  if (here) state.a = { prompt: cell.prompt, layer: cell.layer, head: cell.head };
  setCrop(parsedCrop(link.get("tokens") || "", tokensOf(state.a).length) || null);
  buildTexts(); buildGrid();
  if (cell && here) reveal(`${cell.layer}-${cell.head}`);
  await show();
  if (cell && !here) readout.replaceChildren(`prompt ${cell.prompt}, layer ${cell.layer}, head ${cell.head} is not in this page`);
  else if (cell && cell.query !== undefined) { state.pinned = true; point(+cell.query, +cell.key); }
}
window.addEventListener("hashchange", () => open().then(drawThumbnails));
window.headscope = {
  // The value of one cell; undefined if masked. Layer or head −1: the mean. Rejects if the map is not in the page.
  async value(prompt, layer, head, query, key) {
    const map = await load({ prompt, layer, head });
    if (!map || query < 0 || key < 0 || query >= map.size || key >= map.size) throw new RangeError("no such cell");
    return map.at(query, key);
  },
};

view.append(make("div", { class: "side" }, heading), readout, panelBox,
  make("div", { class: "texts" }, make("div", {}, rowTitle, rowText), make("div", {}, colTitle, colText)));
main.append(make("section", { id: "side" }, make("div", { class: "tools" }, find, orderChoice, thumbSize), grid), view);
const kbd = (keys, what) => [make("kbd", {}, keys), ` ${what} · `];
const exact = index.maps.some((m) => m[3] > RANGE) ? "this page is large, so values are rounded: each says by how much" : "values are exact to 1/65535 of the range";
document.getElementById("app").replaceChildren(
  make("header", {}, make("h1", {}, index.title), make("span", { class: "sub" }, `${index.model} · ${index.hook}`),
    make("label", {}, "prompt ", promptA), comparing, ...otherControls, make("label", {}, "colours ", scale), make("label", {}, "tokens ", cropText), sideButton, page.themeButton()),
  main,
  make("footer", {}, ...kbd("↑↓←→", "move in the grid or the map"), ...kbd("[ ]", "head"), ...kbd("{ }", "layer"), ...kbd("drag", "zoom"), ...kbd("+ − 0", "zoom in, out, whole"),
    ...kbd("d", "compare (or shift-click a head)"), ...kbd("/", "find"), ...kbd("Esc", "unpin"), `layer and head names show means · ${exact} · headscope ${index.version}, offline page`));
open().then(drawThumbnails);
})();
