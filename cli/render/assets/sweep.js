"use strict";
(() => {
const { root, make, option, bytesOf, number, clamp } = page;
const index = JSON.parse(document.getElementById("index").textContent);
const PALETTES = { light: bytesOf(index.palettes.diverging), dark: bytesOf(index.palettes.diverging_dark) };
const state = { cell: "", slice: 0, scale: "own", sort: "size", least: 0, sure: false, find: "" };

// A cell's key is its labels, so that sweeps of one task find each other's cells.
for (const sweep of index.sweeps) {
  sweep.cells = sweep.cells.map(([at, effect, error, low, high, value, normalized]) => {
    const places = [];
    for (let i = sweep.axes.length - 1, rest = at; i >= 0; i--) { places[i] = rest % sweep.axes[i].labels.length; rest = Math.floor(rest / sweep.axes[i].labels.length); }
    const labels = places.map((p, i) => sweep.axes[i].labels[p]);
    const name = sweep.axes.map((a, i) => `${a.name} ${labels[i]}`).join(", ");
    return { at, places, labels, name, key: name, effect, share: effect / sweep.whole, error, low, high, value, normalized,
      // Of no prompt does it move the metric at all: it comes before what was changed, say.
      idle: effect === 0 && (error === 0 || error === null), sure: low !== null && (low > 0 || high < 0) };
  });
  sweep.byKey = new Map(sweep.cells.map((c) => [c.key, c]));
  sweep.byPlace = new Map(sweep.cells.map((c) => [c.at, c]));
  sweep.most = Math.max(1e-12, ...sweep.cells.map((c) => Math.abs(c.share)));
}
const main = index.sweeps[0];
const shares = main.whole !== 1;  // else the share is the effect itself
const passes = (c) => Math.abs(c.share) >= state.least && (!state.sure || c.sure) && (state.find === "" || c.name.toLowerCase().includes(state.find) || c.labels.join(".").startsWith(state.find));

// ---- maps ---------------------------------------------------------------------------------------
const maps = make("section", { id: "maps" }), cellsOf = new Map();
const slices = main.axes.length === 3 ? main.axes[2].labels : null;
const interval = (c) => c.low === null ? "one prompt, no interval" : `[${number(c.low, 3)}, ${number(c.high, 3)}]`;
function tableOf(sweep) {
  const [rows, cols] = [sweep.axes[0], sweep.axes[1]], across = cols ? cols.labels : [""], depth = sweep.axes.length === 3 ? sweep.axes[2].labels.length : 1;
  const room = clamp(Math.floor((window.innerWidth * 0.58 - 70) / across.length) - 1, 12, 34);
  const table = make("table", { class: "map", role: "grid", "aria-label": sweep.name, style: `--cell:${room}px` });
  table.append(make("thead", {}, make("tr", {}, make("th"), ...across.map((l) => make("th", { scope: "col", title: `${cols ? cols.name : ""} ${l}` }, make("span", {}, l))))));
  rows.labels.forEach((label, r) => table.append(make("tr", {}, make("th", { scope: "row" }, label), ...across.map((_, k) => {
    const at = (r * across.length + k) * depth + Math.min(state.slice, depth - 1), cell = sweep.byPlace.get(at);
    const td = make("td", { role: "gridcell" });
    if (!cell || cell.idle) { td.className = "blank"; td.title = cell ? `${cell.name}: moves nothing in any prompt` : "no such cell, or not run yet"; return td; }
    td.tabIndex = -1; td.dataset.key = cell.key; td.textContent = cell.sure && room >= 12 ? "•" : "";
    td.setAttribute("aria-label", `${cell.name}: ${number(cell.share, 3)}`);
    td.addEventListener("mouseenter", () => read(cell.key));
    td.addEventListener("mouseleave", () => read(state.cell));
    td.addEventListener("focus", () => select(cell.key));
    td.addEventListener("click", () => select(cell.key));
    if (!cellsOf.has(cell.key)) cellsOf.set(cell.key, []);
    cellsOf.get(cell.key).push({ td, cell, sweep });
    return td;
  }))));
  return table;
}
function keyBar(sweep) {
  const canvas = make("canvas", { width: 160, height: 10, "aria-hidden": true });
  return { canvas, box: make("div", { class: "key" }, number(-sweep.most, 3), canvas, number(sweep.most, 3), ` ${sweep.unit} · • its 95% interval excludes 0 · grey: no cell, or one that moves nothing`) };
}
let bars = [];
function buildMaps() {
  cellsOf.clear(); bars = [];
  maps.replaceChildren(...index.sweeps.map((sweep) => {
    const bar = keyBar(sweep);
    bars.push({ ...bar, sweep });
    const [down, across] = sweep.axes.map((a) => a.name);
    return make("div", {}, make("h2", {}, sweep.name, " ", make("span", { class: "sub" }, `${down} down${across ? `, ${across} across` : ""}`)), make("div", { class: "scroll" }, tableOf(sweep)), bar.box);
  }), scatter);
  colourMaps();
}
function colourMaps() {
  const palette = PALETTES[page.dark() ? "dark" : "light"];
  for (const list of cellsOf.values()) for (const { td, cell, sweep } of list) {
    const [r, g, b] = page.colour(cell.share, { signed: true, high: sweep.most, low: -sweep.most }, state.scale, palette);
    td.style.backgroundColor = `rgb(${r},${g},${b})`;
    td.classList.toggle("light", 0.3 * r + 0.59 * g + 0.11 * b < 130);
    td.classList.toggle("out", !passes(cell));
    td.setAttribute("aria-selected", cell.key === state.cell);
  }
  for (const { canvas, sweep } of bars) {
    const context = canvas.getContext("2d");
    for (let x = 0; x < 160; x++) { const c = page.colour((x / 79.5 - 1) * sweep.most, { signed: true, high: sweep.most, low: -sweep.most }, state.scale, palette); context.fillStyle = `rgb(${c})`; context.fillRect(x, 0, 1, 10); }
  }
}

// ---- two sweeps, one against the other ----------------------------------------------------------
const SVG = document.createRange().createContextualFragment("<svg></svg>").firstChild.namespaceURI;
const svg = (tag, attributes, text) => { const e = document.createElementNS(SVG, tag); for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v); if (text) e.textContent = text; return e; };
const scatter = make("div", { id: "scatter" }), dots = new Map();
function correlation(pairs) {
  const n = pairs.length, mean = (f) => pairs.reduce((s, p) => s + f(p), 0) / n, mx = mean((p) => p[0]), my = mean((p) => p[1]);
  const of = (f) => pairs.reduce((s, p) => s + f(p), 0), xy = of((p) => (p[0] - mx) * (p[1] - my)), xx = of((p) => (p[0] - mx) ** 2), yy = of((p) => (p[1] - my) ** 2);
  return xy / Math.sqrt(xx * yy);
}
function buildScatter() {
  if (index.sweeps.length < 2) return;
  const [a, b] = index.sweeps, shared = a.cells.filter((c) => b.byKey.has(c.key)).map((c) => [c, b.byKey.get(c.key)]);
  if (shared.length < 2) { scatter.append(make("p", { class: "sub" }, "The two sweeps share no cells, so there is nothing to draw one against the other.")); return; }
  const W = 420, M = 44, x = (v) => M + (v / a.most + 1) / 2 * (W - 2 * M), y = (v) => W - M - (v / b.most + 1) / 2 * (W - 2 * M);
  const picture = svg("svg", { width: W, height: W, role: "img", "aria-label": `${a.name} against ${b.name}` });
  picture.append(svg("line", { x1: x(0), x2: x(0), y1: M, y2: W - M }), svg("line", { y1: y(0), y2: y(0), x1: M, x2: W - M }));
  for (const [c, d] of shared) {
    const dot = svg("circle", { cx: x(c.share), cy: y(d.share), r: 4 });
    dot.addEventListener("mouseenter", () => read(c.key)); dot.addEventListener("mouseleave", () => read(state.cell)); dot.addEventListener("click", () => select(c.key));
    dots.set(c.key, dot); picture.append(dot);
  }
  picture.append(svg("text", { x: W / 2, y: W - 12, "text-anchor": "middle" }, a.name), svg("text", { x: -W / 2, y: 14, transform: "rotate(-90)", "text-anchor": "middle" }, b.name),
    svg("text", { x: W - M, y: W - M + 14, "text-anchor": "end" }, number(a.most, 3)), svg("text", { x: M - 4, y: M, "text-anchor": "end" }, number(b.most, 3)));
  const r = correlation(shared.map(([c, d]) => [c.share, d.share]));
  root.dataset.correlation = String(r);
  scatter.append(make("h2", {}, `${shared.length} shared cells, r = ${number(r, 3)}`), picture);
}

// ---- the table ----------------------------------------------------------------------------------
const readout = make("output", { id: "readout" }), body = make("tbody"), count = make("h2");
const ORDERS = { size: (x, y) => Math.abs(y.share) - Math.abs(x.share), high: (x, y) => y.share - x.share, low: (x, y) => x.share - y.share, place: (x, y) => x.at - y.at };
const MOST = 400;  // rows; a filter finds the rest
function buildRows() {
  const kept = main.cells.filter((c) => !c.idle && passes(c)).sort((x, y) => ORDERS[state.sort](x, y) || x.at - y.at);
  count.textContent = `${kept.length} of ${main.cells.length} cells${kept.length > MOST ? `, the first ${MOST}` : ""}`;
  body.replaceChildren(...kept.slice(0, MOST).map((c) => make("tr", { "data-key": c.key, "aria-selected": c.key === state.cell, onclick: () => select(c.key), onmouseenter: () => read(c.key), onmouseleave: () => read(state.cell) },
    make("td", { class: c.sure ? "sure" : undefined }, c.name), ...(shares ? [make("td", {}, number(c.share, 3))] : []), make("td", {}, number(c.effect, 3)), make("td", {}, interval(c)))));
}
function patternOf(c) {
  const at = (name) => { const i = main.axes.findIndex((a) => a.name === name); return i < 0 ? null : c.labels[i]; }, layer = at("layer"), head = at("head");
  if (!/^\d+$/.test(layer ?? "") || !/^\d+$/.test(head ?? "")) return null;
  return index.viewer ? make("a", { href: `${index.viewer}#cell=0,${layer},${head}` }, `the pattern of ${layer}.${head}`)
    : make("span", { class: "sub" }, `Its pattern: headscope record …, then headscope export TRACE --format html into this page's folder, and export this page again: the head becomes a link.`);
}
function read(key) {
  delete readout.dataset.value;
  const parts = [];
  for (const sweep of index.sweeps) {
    const c = sweep.byKey.get(key);
    if (!c) continue;
    if (!parts.length) { readout.dataset.value = String(c.effect); parts.push(make("b", {}, c.name)); }
    parts.push(make("div", {}, `${index.sweeps.length > 1 ? sweep.name + ": " : ""}${sweep.whole === 1 ? "" : `${number(c.share, 3)} ${sweep.unit} · `}effect ${number(c.effect, 4)} ${interval(c)} · ${sweep.metric} ${number(c.value, 4)}${c.normalized === null ? "" : ` · normalized ${number(c.normalized, 3)}`}`));
    if (key === state.cell && sweep === main) { const link = patternOf(c); if (link) parts.push(link); }
  }
  readout.replaceChildren(...(parts.length ? parts : ["Hover or choose a cell: its value and interval"]));
  for (const [k, dot] of dots) dot.setAttribute("class", k === key ? "here" : "");
}
function select(key) {
  state.cell = key;
  for (const list of cellsOf.values()) for (const { td, cell } of list) { td.setAttribute("aria-selected", cell.key === key); td.tabIndex = cell.key === key ? 0 : -1; }
  for (const row of body.children) row.setAttribute("aria-selected", row.dataset.key === key);
  read(key); link();
}
function refresh() { colourMaps(); buildRows(); link(); }

// ---- controls, keys, address --------------------------------------------------------------------
const sort = make("select", { id: "sort", onchange: () => { state.sort = sort.value; refresh(); } }, option("size", "strongest first"), option("high", "highest first"), option("low", "lowest first"), option("place", "by place"));
const scale = make("select", { id: "scale", onchange: () => { state.scale = scale.value; refresh(); } }, option("own", "linear"), option("root", "square root"), option("log", "logarithm, 4 decades"));
const least = make("input", { type: "number", id: "least", min: 0, step: "any", value: 0, oninput: () => { state.least = Math.max(0, +least.value || 0); refresh(); } });
const sure = make("input", { type: "checkbox", id: "sure", onchange: () => { state.sure = sure.checked; refresh(); } });
const find = make("input", { type: "search", id: "find", placeholder: "9.6, layer 9", "aria-label": "find cells", oninput: () => { state.find = find.value.trim().toLowerCase(); refresh(); } });
const slice = slices && make("select", { id: "slice", onchange: () => { state.slice = +slice.value; buildMaps(); link(); } }, ...slices.map((l, i) => option(i, l)));
function link() { page.writeLink({ cell: state.cell, slice: state.slice || "", scale: state.scale === "own" ? "" : state.scale, sort: state.sort === "size" ? "" : state.sort, least: state.least || "", sure: state.sure ? 1 : "", find: state.find }); }
function open() {
  const from = page.readLink();
  state.cell = from.get("cell") || ""; state.find = find.value = from.get("find") || "";
  for (const [name, select] of [["scale", scale], ["sort", sort]]) if ([...select.options].some((o) => o.value === from.get(name))) select.value = state[name] = from.get(name);
  state.least = Math.max(0, +from.get("least") || 0); least.value = state.least;
  state.sure = sure.checked = from.get("sure") === "1";
  if (slice) slice.value = state.slice = clamp(Math.floor(+from.get("slice") || 0), 0, slices.length - 1);
  buildMaps(); buildRows(); select(state.cell);
  root.dataset.ready = "1";
}
document.addEventListener("keydown", (e) => {
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[e.key];
  if (page.typing(e)) { if (e.key === "Escape") e.target.blur(); return; }
  if (e.key === "/") find.focus();
  else if (e.key === "Escape") select("");
  else if (steps && e.target.closest(".map")) {
    const line = e.target.parentElement, row = steps[0] < 0 ? line.previousElementSibling : steps[0] > 0 ? line.nextElementSibling : line;
    const to = row?.children[e.target.cellIndex + steps[1]];
    if (to?.dataset.key) to.focus();
  } else return;
  e.preventDefault();
});
page.onTheme(colourMaps);
window.addEventListener("hashchange", open);
const header = ["cell", ...(shares ? [main.unit] : []), "effect", "95% interval"];
document.getElementById("app").replaceChildren(
  make("header", {}, make("h1", {}, index.title), make("span", { class: "sub" }, index.subtitle), page.themeButton()),
  make("main", {}, ...index.texts.map((t) => make("p", {}, t)),
    make("div", { class: "tools" }, slice && make("label", {}, `${main.axes[2].name} `, slice), make("label", {}, "colours ", scale), make("label", {}, "order ", sort), make("label", {}, "at least ", least),
      make("label", {}, sure, " interval excludes 0"), find),
    maps, make("section", { id: "rows" }, readout, count, make("div", { class: "scroll" }, make("table", {}, make("thead", {}, make("tr", {}, ...header.map((h) => make("th", { scope: "col" }, h)))), body)))),
  make("footer", {}, make("kbd", {}, "↑↓←→"), " move in the map · ", make("kbd", {}, "/"), " find · ", make("kbd", {}, "Esc"), " let go · ", index.footer));
buildScatter(); open();
})();
