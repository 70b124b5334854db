"use strict";
(() => {
const { root } = page;
const A = JSON.parse(document.getElementById("index").textContent);
const app = document.getElementById("app");
const el = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "style") Object.assign(node.style, value); else if (key.startsWith("on")) node[key] = value; else if (value !== undefined) node.setAttribute(key, value);
  }
  for (const child of children) if (child !== null && child !== undefined) node.append(child);
  return node;
};
const { bytesOf } = page;
const palette = bytesOf(A.palette);
const shade = (t) => { const i = 3 * Math.round(255 * Math.min(1, Math.max(0, t))); return [palette[i], palette[i + 1], palette[i + 2]]; };
const ran = A.detectors.filter((d) => !d.undefined && !d.failed);
const roles = ran.filter((d) => d.threshold !== null && d.heads.length > 0);
const name = (h) => `${Math.floor(h / A.n_heads)}.${h % A.n_heads}`;
const fixed = (x, n = 3) => x === null || x === undefined ? "–" : Math.abs(x) >= 1000 ? x.toFixed(0) : Math.abs(x) >= 100 ? x.toFixed(1) : Math.abs(x) > 0 && Math.abs(x) < 0.0005 ? x.toExponential(1) : x.toFixed(n);
// Roles come in groups of one hue each, so that a grid has six colours and not twenty; within a group they differ in lightness. What a good part of the heads do is pale.
const common = (d) => d.heads.length > 0.15 * A.n_layers * A.n_heads;
const groups = A.groups.map((g) => ({ ...g, roles: roles.filter((d) => g.detectors.includes(d.name)) }));
const ungrouped = roles.filter((d) => !groups.some((g) => g.roles.includes(d)));
groups.push({ name: "others", detectors: [], roles: ungrouped });
const HUES = [255, 145, 30, 320, 90, 195, 0];
const hues = new Map(groups.flatMap((g, i) => g.roles.map((d, k) => [d.name, { hue: HUES[i % HUES.length], chroma: g.name === "others" ? 0.02 : 0.15, light: 0.52 + 0.22 * (g.roles.length > 1 ? k / (g.roles.length - 1) : 0.4) }])));
const hueOf = (d) => { const c = hues.get(d.name); return common(d) ? `oklch(${page.dark() ? "0.42 0.06" : "0.87 0.05"} ${c.hue})` : `oklch(${c.light} ${c.chroma} ${c.hue})`; };
const isConfirmed = (d, h) => A.confirmations.some((c) => c.detector === d.name && c.confirmed && c.heads.includes(h));
// How far above its threshold a head lies, as a part of what the best head reaches.
const strength = (d, h) => { const most = Math.max(...d.score); return most > d.threshold ? (d.score[h] - d.threshold) / (most - d.threshold) : 0; };
// The strongest confirmed role first; then the others, what few heads do before what many do.
const rolesOf = (h) => roles.filter((d) => d.heads.includes(h)).sort((a, b) => isConfirmed(b, h) - isConfirmed(a, h) || common(a) - common(b) || strength(b, h) - strength(a, h));
const state = { head: 0, by: "", only: "", prompt: 0, chosen: false };

// ---- the grid ------------------------------------------------------------------------------------
const cells = [];
const grid = el("table", { id: "grid", role: "grid", "aria-label": "layers and heads" });
const top = el("tr", {}, el("th", {}, ""));
for (let h = 0; h < A.n_heads; h++) top.append(el("th", {}, String(h)));
grid.append(el("thead", {}, top));
const body = el("tbody");
for (let l = 0; l < A.n_layers; l++) {
  const line = el("tr", {}, el("th", {}, String(l)));
  for (let h = 0; h < A.n_heads; h++) {
    const n = l * A.n_heads + h;
    const cell = el("td", { role: "gridcell", "data-head": name(n), onclick: () => select(n) });
    cells.push(cell); line.append(cell);
  }
  body.append(line);
}
grid.append(body);
// All heads of a layer in view where they fit.
const fit = () => grid.style.setProperty("--cell", `${Math.max(11, Math.min(25, Math.floor((Math.min(576, window.innerWidth * 0.44) - 44) / A.n_heads) - 2))}px`);
window.addEventListener("resize", fit);
fit();

const legend = el("div", { id: "legend" });
for (const g of groups.filter((each) => each.roles.length)) {
  legend.append(el("div", { class: "family" }, el("span", { class: "faint" }, g.name), ...g.roles.map((d) => el("button", { class: "chip", "aria-pressed": "false", "data-role": d.name, title: d.summary,
    onclick: () => { state.only = state.only === d.name ? "" : d.name; state.by = ""; by.value = ""; paint(); } },
    el("i", { style: { background: hueOf(d) } }), `${d.role} ${d.heads.length}`))));
}
const by = el("select", { "aria-label": "colour by", onchange: () => { state.by = by.value; state.only = ""; paint(); } }, el("option", { value: "" }, "colour: the strongest confirmed role"));
for (const d of ran) by.append(el("option", { value: d.name }, `colour: ${d.name}`));
const scale = el("p", { id: "scale" });

function paint() {
  const d = ran.find((each) => each.name === state.by);
  const low = d ? Math.min(0, ...d.score) : 0, high = d ? Math.max(...d.score) : 1;
  for (const [h, cell] of cells.entries()) {
    const mine = rolesOf(h);
    cell.classList.toggle("more", !d && mine.length > 1);
    cell.classList.toggle("dim", state.only !== "" && !mine.some((r) => r.name === state.only));
    const shown = state.only ? mine.find((r) => r.name === state.only) : mine[0];
    cell.style.background = d ? `rgb(${shade((d.score[h] - low) / (high - low || 1)).join()})` : shown ? hueOf(shown) : "";
    cell.title = d ? `${name(h)}: ${fixed(d.score[h])}` : `${name(h)}${mine.length ? ": " + mine.map((r) => r.role).join(", ") : ""}`;
    cell.setAttribute("aria-selected", String(h === state.head));
  }
  for (const chip of legend.querySelectorAll("button")) chip.firstChild.style.background = hueOf(roles.find((each) => each.name === chip.dataset.role));
  for (const chip of legend.querySelectorAll("button")) chip.setAttribute("aria-pressed", String(chip.dataset.role === state.only));
  scale.replaceChildren();
  if (d) {
    const stops = [0, 0.25, 0.5, 0.75, 1].map((t) => `rgb(${shade(t).join()})`).join();
    scale.append(d.name, " ", fixed(low), el("i", { style: { background: `linear-gradient(to right, ${stops})` } }), fixed(high), ` · ${d.definition}`);
  } else scale.append("Grey: no role. One hue a group of roles; pale: what many heads do. The colour is that of the strongest confirmed role, or else of the strongest; a dot: there are more.");
}

// ---- one head ------------------------------------------------------------------------------------
const view = el("div", { id: "view" });
function scoresTable(h) {
  const table = el("table", { class: "scores" }, el("tr", {}, ...["detector", "score", "95 %", "control", "0 to the model's highest; orange: threshold", "rank"].map((t) => el("th", {}, t))));
  const order = [...ran].sort((a, b) => Number(b.heads.includes(h)) - Number(a.heads.includes(h)));
  for (const d of order) {
    const most = Math.max(...d.score.map(Math.abs), d.threshold ?? 0) || 1, at = (x) => `${Math.max(0, Math.min(100, 100 * x / most))}%`;
    const bar = el("div", { class: "bar" }, el("b", { style: { width: at(d.score[h]) } }),
      el("u", { style: { left: at(d.low[h]), width: `calc(${at(d.high[h])} - ${at(d.low[h])})` } }),
      d.threshold !== null ? el("s", { style: { left: at(d.threshold) } }) : null);
    const rank = 1 + d.score.filter((x) => x > d.score[h]).length;
    table.append(el("tr", { class: d.heads.includes(h) ? "role" : "", title: `${d.definition}\n${d.source}` },
      el("td", {}, d.name), el("td", { class: "num" }, fixed(d.score[h])), el("td", { class: "num" }, d.low[h] === null ? "–" : `[${fixed(d.low[h])}, ${fixed(d.high[h])}]`),
      el("td", { class: "num" }, d.control ? fixed(d.control[h]) : "–"), el("td", {}, bar), el("td", { class: "num" }, String(rank))));
  }
  return table;
}
// The prompt on which a head's first role shows; a prompt that the reader chose stays.
function promptFor(h) {
  const group = groups.find((g) => rolesOf(h).length && g.roles.includes(rolesOf(h)[0]));
  const at = A.prompts.findIndex((p) => group && p.name === group.prompt);
  return Math.max(at, 0);
}
function mapView(h) {
  const box = el("div");
  if (!A.prompts.length) return box;
  const choose = el("select", { "aria-label": "prompt", onchange: () => { state.prompt = Number(choose.value); state.chosen = true; draw(); } });
  A.prompts.forEach((p, i) => choose.append(el("option", { value: String(i) }, p.name)));
  state.prompt = state.chosen ? state.prompt : promptFor(h);
  choose.value = String(state.prompt);
  const canvas = el("canvas", { id: "map" }), readout = el("p", { id: "readout" }, "Point at a cell: query and key.");
  const draw = () => {
    const p = A.prompts[state.prompt], n = p.tokens.length, px = Math.max(9, Math.floor(360 / n)), room = 84, ink = page.css("--ink");
    p.bytes = p.bytes || bytesOf(p.map);
    const sharp = window.devicePixelRatio || 1;
    canvas.width = canvas.height = Math.round((n * px + room) * sharp);
    canvas.style.width = `${n * px + room}px`;
    const pen = canvas.getContext("2d");
    pen.scale(sharp, sharp);
    pen.clearRect(0, 0, n * px + room, n * px + room);
    pen.fillStyle = ink; pen.textBaseline = "middle"; pen.textAlign = "right"; pen.font = `${Math.min(11, px + 1)}px system-ui, sans-serif`;
    p.tokens.forEach((token, i) => {
      const text = token.length > 12 ? token.slice(0, 11) + "…" : token;
      pen.fillText(text, room - 5, (i + 0.5) * px);
      pen.save(); pen.translate(room + (i + 0.5) * px, n * px + 5); pen.rotate(-Math.PI / 2); pen.fillText(text, 0, 0); pen.restore();
    });
    for (let q = 0; q < n; q++) for (let k = 0; k <= q; k++) {
      pen.fillStyle = `rgb(${shade(p.bytes[(h * n + q) * n + k] / 255).join()})`;
      pen.fillRect(room + k * px, q * px, px, px);
    }
    canvas.onmousemove = (e) => {
      const box = canvas.getBoundingClientRect(), shrink = box.width / (n * px + room), k = Math.floor(((e.clientX - box.left) / shrink - room) / px), q = Math.floor((e.clientY - box.top) / shrink / px);
      if (q < 0 || k < 0 || q >= n || k > q) return;
      readout.replaceChildren(`${(p.bytes[(h * n + q) * n + k] / 255).toFixed(2)} from `, el("code", {}, p.tokens[q]), ` (${q}) to `, el("code", {}, p.tokens[k]), ` (${k})`);
    };
  };
  draw();
  box.append(el("h3", {}, "Attention ", choose), canvas, readout);
  return box;
}
function lookView(h) {
  const box = el("div", {}, el("h3", {}, "Where it looks hardest in natural text (the first token and neighbours left out)"));
  const list = A.attended[h] || [];
  if (!list.length) box.append(el("p", { class: "faint" }, "No example in this atlas."));
  for (const [text, query, key, weight] of list) {
    const line = el("div", { class: "snippet" }, `${weight.toFixed(2)} `), tokens = A.texts[text], from = Math.max(0, key - 6), to = Math.min(tokens.length, query + 4);
    if (from > 0) line.append("… ");
    for (let i = from; i < to; i++) {
      if (query - key > 24 && i === key + 8) { line.append(" … "); i = query - 8; }
      line.append(el("span", i === query ? { class: "q", title: "query" } : i === key ? { class: "k", title: "key" } : {}, tokens[i].replaceAll("␣", " ").replaceAll("↵", "↵ ")));
    }
    box.append(line);
  }
  return box;
}
function effectView(h) {
  const box = el("div");
  const mine = A.confirmations.filter((c) => c.heads.includes(h));
  if (!mine.length) return box;
  box.append(el("h3", {}, "When it is taken out (z replaced by its mean)"));
  for (const c of mine) {
    const alone = c.single[c.heads.indexOf(h)];
    box.append(el("p", { class: "note" }, `${c.behaviour}: alone ${fixed(alone)}; with ${c.heads.filter((x) => x !== h).map(name).join(", ") || "no other"} `,
      `${fixed(c.change)} [${fixed(c.low)}, ${fixed(c.high)}]; as many random heads of the same layers ${fixed(c.random_mean)}. `,
      el("span", { class: c.confirmed ? "yes" : "faint" }, c.confirmed ? "Confirmed." : "Not confirmed.")));
  }
  return box;
}
function groupView(h) {
  const box = el("div"), grouped = ran.filter((d) => d.groups && d.threshold !== null);
  const names = [...new Set(grouped.flatMap((d) => Object.keys(d.groups)))].filter((g) => ["prose", "dialogue", "code"].includes(g));
  if (!names.length) return box;
  const table = el("table", { class: "scores" }, el("tr", {}, el("th", {}, "by domain"), ...names.map((g) => el("th", {}, g))));
  for (const d of grouped.filter((each) => names.some((g) => each.groups[g]))) table.append(el("tr", {}, el("td", {}, d.name), ...names.map((g) => el("td", { class: "num" }, fixed(d.groups[g]?.[h])))));
  box.append(el("h3", {}, "By domain of text"), table);
  return box;
}
function show() {
  const h = state.head, mine = rolesOf(h), layer = Math.floor(h / A.n_heads), index = h % A.n_heads;
  const group = Math.floor(index / (A.n_heads / A.n_kv_heads));
  view.replaceChildren(
    el("h2", {}, `Head ${name(h)}`),
    el("p", {}, ...(mine.length ? mine.map((d) => el("span", { class: "chip", title: d.summary }, el("i", { style: { background: hueOf(d) } }), d.role)) : [el("span", { class: "faint" }, "No role found by these detectors.")])),
    el("p", { class: "faint" }, A.n_kv_heads < A.n_heads ? `Layer ${layer}, query head ${index}; reads KV head ${group}.` : `Layer ${layer}, head ${index}.`),
    effectView(h), el("div", { class: "cols" }, mapView(h), lookView(h)), el("h3", {}, "Scores"), scoresTable(h), groupView(h));
}
function select(h) {
  state.head = h; paint(); show();
  history.replaceState(null, "", "#head=" + name(h));
  Object.assign(root.dataset, { colour: rolesOf(h)[0]?.name ?? "", prompt: A.prompts[state.prompt]?.name ?? "" });
  cells[h].scrollIntoView({ block: "nearest" });
}
document.addEventListener("keydown", (e) => {
  if (page.typing(e)) return;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -A.n_heads, ArrowDown: A.n_heads }[e.key], next = state.head + step;
  if (step === undefined || next < 0 || next >= cells.length) return;
  e.preventDefault(); select(next);
});

// ---- the whole -----------------------------------------------------------------------------------
const whole = el("details", {}, el("summary", {}, "Detectors: definitions, sources, what could not run"));
const about = el("table", { class: "scores" }, el("tr", {}, ...["detector", "definition", "threshold", "source"].map((t) => el("th", {}, t))));
for (const d of A.detectors) about.append(el("tr", {}, el("td", {}, d.name), el("td", {}, d.failed ? `failed: ${d.failed}` : d.undefined ? `undefined for this model: ${d.undefined}` : d.definition),
  el("td", {}, d.threshold === null ? "–" : `${d.threshold}: ${d.threshold_source}`), el("td", {}, d.source)));
whole.append(about);
const confirmed = el("details", {}, el("summary", {}, "What happens without the heads of a role"));
const effects = el("table", { class: "scores" }, el("tr", {}, ...["detector", "heads", "behaviour", "intact", "change", "95 %", "random heads", ""].map((t) => el("th", {}, t))));
for (const c of A.confirmations) effects.append(el("tr", {}, el("td", {}, c.detector), el("td", {}, c.heads.map(name).join(" ")), el("td", {}, c.behaviour), el("td", { class: "num" }, fixed(c.intact)),
  el("td", { class: "num" }, fixed(c.change)), el("td", { class: "num" }, `[${fixed(c.low)}, ${fixed(c.high)}]`), el("td", { class: "num" }, fixed(c.random_mean)), el("td", {}, el("span", { class: c.confirmed ? "yes" : "faint" }, c.confirmed ? "confirmed" : "not confirmed"))));
confirmed.append(effects);
app.replaceChildren(
  el("header", {}, el("h1", {}, A.title), el("span", { class: "sub" }, A.subtitle), by, page.themeButton()),
  el("main", {}, el("div", { id: "left" }, legend, grid, scale), el("div", {}, view, A.confirmations.length ? confirmed : null, whole)),
  el("footer", {}, A.footer));
const asked = /head=(\d+)\.(\d+)/.exec(location.hash);
const first = asked ? Number(asked[1]) * A.n_heads + Number(asked[2]) : roles.length ? roles.find((d) => d.name === "induction")?.heads[0] ?? roles[0].heads[0] : 0;
page.onTheme(() => { paint(); show(); });
select(Math.min(first, cells.length - 1));
root.dataset.ready = "yes";
})();
