"use strict";
// A circuit's page: nodes by layer, edges as wide as their scores. Filters redraw it, the pointer or the keyboard lights edges up,
// and what is shown stands in the link: #edges=200&sign=helps&off=qk&find=a20&node=a20.h0&size=fit.
(() => {
const { root, make, option, number, clamp, themeButton, readLink, writeLink, typing } = page;
const data = JSON.parse(document.getElementById("index").textContent);
const [width, height, port] = data.node;
const LISTED = 200; // edges in the table
const BEGIN = 200; // edges shown at first: of more none can be told from another

const draw = (tag, attributes) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};
const nodes = data.nodes.map(([name, x, y, kind, row]) => ({ name, x, y, kind, row }));
const edges = data.edges.map(([from, to, input, score]) => ({
  from, to, input, score, name: `${nodes[from].name}->${nodes[to].name}${input ? `<${input}>` : ""}` }));
const most = Math.max(...edges.map((e) => Math.abs(e.score)), 1e-300);
const say = (e) => `${e.name}  ${number(e.score, 4)}`;

// ---- the controls -------------------------------------------------------------------------------
const link = readLink();
const amount = make("input", { type: "range", min: 1, max: edges.length, value: clamp(Number(link.get("edges")) || BEGIN, 1, edges.length) });
const shown = make("output");
const find = make("input", { type: "search", placeholder: "a20.h0, m3, a5. …", value: link.get("find") ?? "" });
const sign = make("select", {}, option("both", "both signs"), option("helps", "cutting hurts"), option("hurts", "cutting helps"));
sign.value = ["helps", "hurts"].includes(link.get("sign")) ? link.get("sign") : "both";
const size = make("select", {}, option("fit", "fits the width"), option("full", "100 %"));
const kinds = [["q", "queries"], ["k", "keys"], ["v", "values"], ["o", "MLPs, logits"]].map(([key, text]) => {
  const box = make("input", { type: "checkbox", checked: !(link.get("off") ?? "").includes(key) });
  return { key, box, label: make("label", { class: key }, box, " into " + text) };
});
const form = make("form", { onsubmit: (event) => event.preventDefault(), oninput: () => update() },
  make("label", {}, "strongest ", amount, " ", shown), make("label", {}, "signs ", sign), ...kinds.map((k) => k.label),
  make("label", {}, "find ", find), make("label", {}, "size ", size));

const picture = make("div", { id: "picture" });
const readout = make("p", { id: "readout", "aria-live": "polite" });
const body = make("tbody");
const note = make("p", { class: "faint" });
const table = make("table", {}, make("caption", {}, "Edges, the strongest first"),
  make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "edge"), make("th", { scope: "col" }, "score"))), body);
document.getElementById("app").append(
  make("header", {}, make("h1", {}, data.title),
    make("span", { class: "sub" }, `${nodes.length} nodes, ${edges.length} edges${data.left_out ? `, ${data.left_out} weaker ones left out` : ""}`), themeButton()),
  form, make("main", {}, picture, make("aside", {}, readout, table, note)),
  make("footer", {}, make("p", {}, make("kbd", {}, "Tab"), " from node to node, ", make("kbd", {}, "Enter"), " holds one, ", make("kbd", {}, "Esc"),
    " lets go, ", make("kbd", {}, "/"), " finds. As wide as the root of the score; dashed: cutting it helps. ", data.footer)));

// ---- the drawing --------------------------------------------------------------------------------
const svg = draw("svg", { viewBox: `0 0 ${data.width} ${data.height}`, role: "group", "aria-label": "the circuit, its input below and the logits above" });
picture.append(svg);
for (const [y, row] of new Map(nodes.map((n) => [n.y, n.row]))) {
  const text = draw("text", { x: 8, y: y + 4, class: "row" });
  text.textContent = row;
  svg.append(text);
}
const lines = draw("g", { "aria-hidden": "true" });
svg.append(lines);
edges.slice().reverse().forEach((e) => {
  const a = nodes[e.from], b = nodes[e.to];
  const x = b.x + (e.input ? port * ("qkv".indexOf(e.input) - 1) : 0);
  const y1 = a.y - height / 2, y2 = b.y + height / 2, bend = Math.max(18, (y1 - y2) * 0.4);
  const strength = Math.sqrt(Math.abs(e.score) / most);
  // Between nodes that stand above each other it takes a way around those in between.
  const around = Math.abs(a.x - x) < width && y1 - y2 > 3 * height ? clamp((y1 - y2) * 0.12, 24, 150) * (x > data.width / 2 ? 1 : -1) : 0;
  e.path = draw("path", { d: `M${a.x} ${y1}C${a.x + around} ${y1 - bend} ${x + around} ${y2 + bend} ${x} ${y2}`,
    class: `${e.input || "o"}${e.score < 0 ? " minus" : ""}`, "stroke-width": 0.6 + 3.4 * strength, "stroke-opacity": 0.2 + 0.65 * strength });
  e.path.addEventListener("pointerenter", () => light((other) => other === e, say(e)));
  e.path.addEventListener("pointerleave", () => rest());
  lines.append(e.path);
});
let pinned = null;
const pin = (i) => { pinned = pinned === i ? null : i; nodes.forEach((n, at) => n.group.setAttribute("aria-pressed", at === pinned)); rest(); keep(); };
nodes.forEach((n, i) => {
  n.group = draw("g", { class: `node ${n.kind}`, tabindex: 0, role: "button", "aria-pressed": "false" });
  const text = draw("text", { x: n.x, y: n.y + 4 });
  text.textContent = n.name;
  n.group.append(draw("rect", { x: n.x - width / 2, y: n.y - height / 2, width, height, rx: 5 }), text);
  for (const came of ["pointerenter", "focus"]) n.group.addEventListener(came, () => pinned === null && at(i));
  for (const left of ["pointerleave", "blur"]) n.group.addEventListener(left, () => rest());
  n.group.addEventListener("click", () => pin(i));
  n.group.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); pin(i); } });
  svg.append(n.group);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { pinned = null; find.value = ""; update(); }
  if (event.key === "/" && !typing(event)) { event.preventDefault(); find.focus(); }
});

// ---- what is lit --------------------------------------------------------------------------------
let visible = [];
const list = (some) => {
  body.replaceChildren(...some.slice(0, LISTED).map((e) => {
    const lit = () => light((other) => other === e, say(e), false);
    return make("tr", { tabindex: 0, onpointerenter: lit, onfocus: lit, onpointerleave: () => rest(false), onblur: () => rest(false) },
      make("td", {}, e.name), make("td", {}, number(e.score, 4)));
  }));
  note.textContent = some.length > LISTED ? `and ${some.length - LISTED} more` : "";
};
const light = (test, words, relist = true) => {
  const lit = visible.filter(test), touched = new Set(lit.flatMap((e) => [e.from, e.to]));
  visible.forEach((e) => { const on = test(e); e.path.classList.toggle("lit", on); e.path.classList.toggle("dim", !on); });
  nodes.forEach((n, i) => n.group.classList.toggle("dim", !touched.has(i)));
  readout.textContent = words;
  root.dataset.lit = lit.length;
  if (relist && lit.length > 1) list(lit);
};
const ends = (i) => `${nodes[i].name}: ${visible.filter((e) => e.to === i).length} edges in, ${visible.filter((e) => e.from === i).length} out`;
const at = (i, relist = true) => light((e) => e.from === i || e.to === i, ends(i) + (pinned === i ? " (held, Esc lets go)" : ""), relist);
const rest = (relist = true) => {
  if (pinned !== null) return at(pinned, relist);
  visible.forEach((e) => e.path.classList.remove("lit", "dim"));
  nodes.forEach((n) => n.group.classList.remove("dim"));
  readout.textContent = `${visible.length} of ${edges.length} edges`;
  root.dataset.lit = 0;
  if (relist) list(visible);
};
const keep = () => writeLink({ edges: Number(amount.value) === Math.min(BEGIN, edges.length) ? "" : amount.value, sign: sign.value === "both" ? "" : sign.value,
  off: kinds.filter((k) => !k.box.checked).map((k) => k.key).join(""), find: find.value.trim(), node: pinned === null ? "" : nodes[pinned].name,
  size: size.value === size.dataset.first ? "" : size.value });
const update = () => {
  const wanted = new Set(kinds.filter((k) => k.box.checked).map((k) => k.key));
  const text = find.value.trim();
  const hits = new Set(text ? nodes.flatMap((n, i) => (n.name.includes(text) ? [i] : [])) : []);
  find.setAttribute("aria-invalid", text !== "" && hits.size === 0);
  visible = edges.filter((e, place) => place < amount.value && wanted.has(e.input || "o") && (sign.value === "both" || (sign.value === "helps") === e.score >= 0) &&
    (!text || hits.has(e.from) || hits.has(e.to)));
  const on = new Set(visible), touched = new Set(visible.flatMap((e) => [e.from, e.to]));
  edges.forEach((e) => { e.path.style.display = on.has(e) ? "" : "none"; });
  nodes.forEach((n, i) => {
    n.group.style.display = touched.has(i) || hits.has(i) ? "" : "none";
    n.group.classList.toggle("hit", hits.has(i));
    n.group.setAttribute("aria-label", ends(i));
  });
  shown.textContent = `${amount.value} of ${edges.length}`;
  svg.style.width = size.value === "fit" ? "100%" : `${data.width}px`;
  svg.style.minWidth = size.value === "fit" ? "0" : `${data.width}px`;
  svg.style.maxWidth = `${data.width}px`;
  root.dataset.edges = visible.length;
  rest();
  keep();
};
// A wide circuit would be too small to read in the width that there is.
size.dataset.first = data.width * 0.7 > picture.clientWidth ? "full" : "fit";
size.value = ["fit", "full"].includes(link.get("size")) ? link.get("size") : size.dataset.first;
const held = nodes.findIndex((n) => n.name === link.get("node"));
if (held >= 0) pinned = held;
update();
if (held >= 0) {
  nodes[held].group.setAttribute("aria-pressed", "true");
  picture.scrollTop = nodes[held].y * svg.clientHeight / data.height - picture.clientHeight / 2;
  picture.scrollLeft = nodes[held].x * svg.clientWidth / data.width - picture.clientWidth / 2;
}
root.dataset.ready = 1;
})();
