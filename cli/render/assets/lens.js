"use strict";
(() => {
const { root, make, option, bytesOf, number, clamp } = page;
const index = JSON.parse(document.getElementById("index").textContent);
const PALETTES = { light: bytesOf(index.palettes.light), dark: bytesOf(index.palettes.dark) };
const parts = [...new Set(index.rows.map((r) => r.part))];
const state = { prompt: 0, part: parts[0], colour: "rank", row: 0, column: 0 };
const [RANK, PROBABILITY, LOGIT, TOP] = [0, 1, 2, 3];

const prompt = () => index.prompts[state.prompt];
const rows = () => index.rows.map((r, at) => ({ ...r, at })).filter((r) => r.part === state.part).reverse();  // the last layer on top
const cellAt = (row, column) => prompt().cells[row][column];
// Ranks by their logarithm, the first one dark; shares of parts have no probability.
const shade = (cell) => state.colour === "probability" && cell[PROBABILITY] !== null ? cell[PROBABILITY] : 1 - Math.log(cell[RANK]) / Math.log(index.vocabulary);

// ---- the map ------------------------------------------------------------------------------------
const scroll = make("div", { class: "scroll" });
let cells = new Map();
const key = (row, column) => `${row},${column}`;
function tdOf(row, column) {
  const cell = cellAt(row.at, column), c = prompt().columns[column], best = cell[TOP].length ? cell[TOP][0][0] : "";
  const td = make("td", { role: "gridcell", tabindex: -1, "aria-label": `${row.name}, behind ${c.token}: ${best}; ${c.right} has rank ${cell[RANK]}` }, best);
  if (cell[RANK] === 1) td.classList.add("right");
  td.addEventListener("focus", () => select(row.at, column));
  td.addEventListener("click", () => td.focus());
  td.addEventListener("mouseenter", () => tell(row.at, column));
  td.addEventListener("mouseleave", () => tell(state.row, state.column));
  cells.set(key(row.at, column), td);
  return td;
}
function build() {
  cells = new Map();
  const columns = prompt().columns;
  const table = make("table", { class: "lens", role: "grid", "aria-label": `${index.title}, ${state.part}` });
  table.append(make("thead", {}, make("tr", {}, make("th", {}, "token", make("br"), "right one"),
    ...columns.map((c) => make("th", { scope: "col", title: `${c.position}: ${c.token} → ${c.right}` }, make("b", {}, c.token), make("br"), "→ " + c.right)))));
  const body = make("tbody");
  for (const row of rows()) body.append(make("tr", {}, make("th", { scope: "row" }, row.name), ...columns.map((_, column) => tdOf(row, column))));
  table.append(body);
  scroll.replaceChildren(table);
  paint();
  state.column = clamp(state.column, 0, columns.length - 1);
  if (!cells.has(key(state.row, state.column))) state.row = rows()[0].at;
  select(state.row, state.column);
}
function paint() {
  const palette = PALETTES[page.dark() ? "dark" : "light"];
  for (const [place, td] of cells) {
    const [row, column] = place.split(",").map(Number);
    const [r, g, b] = page.colour(shade(cellAt(row, column)), { signed: false, low: 0, high: 1 }, "own", palette);
    td.style.backgroundColor = `rgb(${r},${g},${b})`;
    td.classList.toggle("pale", 0.3 * r + 0.59 * g + 0.11 * b < 130);
  }
}

// ---- what is told of a cell ---------------------------------------------------------------------
const aside = make("aside", { "aria-live": "polite" });
const svg = (tag, attributes, ...children) => { const e = document.createElementNS("http://www.w3.org/2000/svg", tag); for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v); e.append(...children); return e; };
// The right token's rank by layer, the first rank on top; of heads no curve.
function curve(column) {
  const list = rows().reverse();
  if (state.part === "heads" || list.length < 2) return null;
  const [width, height, left, top] = [280, 130, 34, 10], last = Math.log10(index.vocabulary);
  const x = (i) => left + (width - left - 8) * i / (list.length - 1), y = (rank) => top + (height - top - 20) * Math.log10(rank) / last;
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "rank of the right token by layer" });
  for (let power = 0; power <= last; power++) picture.append(svg("line", { x1: left, x2: width - 8, y1: y(10 ** power), y2: y(10 ** power) }), svg("text", { x: left - 4, y: y(10 ** power) + 3, "text-anchor": "end" }, String(10 ** power)));
  const points = list.map((r, i) => [x(i), y(cellAt(r.at, column)[RANK])]);
  picture.append(svg("polyline", { points: points.map((p) => p.join(",")).join(" ") }), ...points.map(([cx, cy]) => svg("circle", { cx, cy, r: 2 })));
  picture.append(svg("text", { x: left, y: height - 4 }, list[0].name), svg("text", { x: width - 8, y: height - 4, "text-anchor": "end" }, list[list.length - 1].name));
  return picture;
}
function tell(row, column) {
  const cell = cellAt(row, column), c = prompt().columns[column], share = cell[PROBABILITY] === null;
  aside.replaceChildren(
    make("h2", {}, `${index.rows[row].name}, behind token ${c.position} ${c.token}`),
    make("table", {}, ...cell[TOP].map(([token, value]) => make("tr", {}, make("td", {}, token), make("td", {}, number(value, 3))))),
    make("p", { class: "note" }, `${c.right}: rank ${cell[RANK]}, ` + (share ? `share of its logit ${number(cell[LOGIT], 3)}` : `probability ${number(cell[PROBABILITY], 3)}`)));
  const line = curve(column);
  if (line) aside.append(make("p", { class: "note" }, "Its rank by layer"), line);
}
function select(row, column) {
  cells.get(key(state.row, state.column))?.setAttribute("aria-selected", false);
  cells.get(key(state.row, state.column))?.setAttribute("tabindex", -1);
  Object.assign(state, { row, column });
  const td = cells.get(key(row, column));
  td.setAttribute("aria-selected", true);
  td.setAttribute("tabindex", 0);
  tell(row, column);
  const cell = cellAt(row, column);
  Object.assign(root.dataset, { row: index.rows[row].name, rank: cell[RANK], likeliest: cell[TOP].length ? cell[TOP][0][0] : "" });
  page.writeLink({ prompt: state.prompt || "", part: state.part, colour: state.colour, cell: `${row},${column}` });
}
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
scroll.addEventListener("keydown", (event) => {
  if (!MOVES[event.key] || page.typing(event)) return;
  const list = rows(), [down, right] = MOVES[event.key];
  const at = clamp(list.findIndex((r) => r.at === state.row) + down, 0, list.length - 1);
  cells.get(key(list[at].at, clamp(state.column + right, 0, prompt().columns.length - 1))).focus();
  event.preventDefault();
});

// ---- tools --------------------------------------------------------------------------------------
const choice = (label, name, options) => {
  const box = make("select", { onchange: () => { state[name] = name === "prompt" ? Number(box.value) : box.value; name === "colour" ? (paint(), select(state.row, state.column)) : build(); } }, ...options);
  box.value = state[name];
  return options.length > 1 ? make("label", {}, label + " ", box) : null;
};
const link = page.readLink();
state.prompt = clamp(Number(link.get("prompt")) || 0, 0, index.prompts.length - 1);
if (parts.includes(link.get("part"))) state.part = link.get("part");
if (link.get("colour") === "probability") state.colour = "probability";
state.column = prompt().columns.length - 1;
state.row = rows()[0].at;
const wanted = (link.get("cell") || "").split(",").map(Number);
if (wanted.length === 2 && index.rows[wanted[0]] && prompt().columns[wanted[1]]) [state.row, state.column] = wanted;
const app = document.getElementById("app");
app.append(
  make("header", {}, make("h1", {}, index.title), make("span", { class: "sub" }, index.subtitle), page.themeButton()),
  make("div", { class: "tools" },
    choice("prompt", "prompt", index.prompts.map((p, i) => option(String(i), p.id || String(i)))),
    choice("read", "part", parts.map((p) => option(p, { residual: "residual stream", attention: "attention", mlp: "MLPs", heads: "single heads" }[p]))),
    choice("colour", "colour", [option("rank", "rank of the right token"), option("probability", "its probability")])),
  make("main", {}, scroll, aside),
  make("footer", {}, "Cells show the likeliest token; underlined where it is the right one. Darker (in dark pages: brighter): the right token ranks higher. ", make("kbd", {}, "arrows"), " move. ", index.footer));
page.onTheme(paint);
build();
root.dataset.ready = "1";
})();
