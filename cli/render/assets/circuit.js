"use strict";
// A circuit's page: data from #circuit, drawn as SVG; filters redraw it, the pointer lights up edges.
(() => {
  const data = JSON.parse(document.getElementById("circuit").textContent);
  const [width, height, port] = data.node;
  const SVG = "http://www.w3.org/2000/svg";
  const make = (tag, set = {}, ...inside) => {
    const e = document.createElement(tag);
    Object.assign(e, set);
    e.append(...inside);
    return e;
  };
  const draw = (tag, set) => {
    const e = document.createElementNS(SVG, tag);
    for (const key in set) e.setAttribute(key, set[key]);
    return e;
  };
  const nodes = data.nodes.map(([name, x, y, kind]) => ({ name, x, y, kind }));
  const edges = data.edges.map(([from, to, input, score]) => ({
    from, to, input, score, name: `${nodes[from].name}->${nodes[to].name}${input ? `<${input}>` : ""}` }));
  const most = Math.max(...edges.map((e) => Math.abs(e.score)), 1e-300);

  // The controls.
  const amount = make("input", { type: "range", min: 1, max: edges.length, value: edges.length });
  const shown = make("output");
  const search = make("input", { type: "search", placeholder: "a20.h0, m3, a5. …" });
  search.setAttribute("aria-label", "find nodes");
  const sign = make("select", {}, ...["both signs", "helps", "hurts"].map((t) => make("option", { value: t, textContent: t })));
  const kinds = [["q", "queries"], ["k", "keys"], ["v", "values"], ["o", "MLPs, logits"]].map(([key, text]) => {
    const box = make("input", { type: "checkbox", checked: true });
    return { key, box, label: make("label", { className: key }, box, text) };
  });
  const form = make("form", {}, make("label", {}, "strongest", amount, shown), sign, ...kinds.map((k) => k.label), search);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => update());

  const picture = make("div", { id: "picture" });
  const readout = make("div", { id: "readout" });
  const body = make("tbody");
  const table = make("table", {}, make("thead", {}, make("tr", {}, make("th", { textContent: "edge" }), make("th", { textContent: "score" }))), body);
  const note = make("p", { className: "faint" });
  document.getElementById("app").append(form, make("main", {}, picture, make("aside", {}, readout, table, note)),
    make("footer", { textContent: data.footer }));

  const svg = draw("svg", { viewBox: `0 0 ${data.width} ${data.height}`, width: data.width, height: data.height, role: "img" });
  picture.append(svg);
  const lines = draw("g", {});
  svg.append(lines);
  edges.slice().reverse().forEach((e) => {
    const a = nodes[e.from], b = nodes[e.to];
    const x = b.x + (e.input ? port * ("qkv".indexOf(e.input) - 1) : 0);
    const y1 = a.y - height / 2, y2 = b.y + height / 2, bend = Math.max(18, (y1 - y2) * 0.4);
    const strength = Math.sqrt(Math.abs(e.score) / most);
    e.path = draw("path", { d: `M${a.x} ${y1}C${a.x} ${y1 - bend} ${x} ${y2 + bend} ${x} ${y2}`,
      class: `${e.input || "o"}${e.score < 0 ? " minus" : ""}`, "stroke-width": 0.6 + 3.4 * strength, "stroke-opacity": 0.2 + 0.65 * strength });
    e.path.addEventListener("pointerenter", () => light((other) => other === e, say(e)));
    e.path.addEventListener("pointerleave", () => rest());
    lines.append(e.path);
  });
  let pinned = null;
  nodes.forEach((n, i) => {
    n.group = draw("g", { class: `node ${n.kind}`, tabindex: 0 });
    const text = draw("text", { x: n.x, y: n.y + 4 });
    text.textContent = n.name;
    n.group.append(draw("rect", { x: n.x - width / 2, y: n.y - height / 2, width, height, rx: 5 }), text);
    n.group.addEventListener("pointerenter", () => pinned === null && at(i));
    n.group.addEventListener("pointerleave", () => rest());
    n.group.addEventListener("click", () => { pinned = pinned === i ? null : i; at(i); });
    n.group.addEventListener("keydown", (event) => event.key === "Enter" && n.group.dispatchEvent(new Event("click")));
    svg.append(n.group);
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") { pinned = null; search.value = ""; update(); } });

  const say = (e) => `${e.name}  ${e.score}`;
  let visible = [];
  const list = (some) => {
    body.replaceChildren(...some.slice(0, 200).map((e) => {
      const row = make("tr", {}, make("td", { textContent: e.name }), make("td", { textContent: e.score }));
      row.addEventListener("pointerenter", () => light((other) => other === e, say(e), false));
      row.addEventListener("pointerleave", () => rest());
      return row;
    }));
    note.textContent = some.length > 200 ? `and ${some.length - 200} more` : "";
  };
  const light = (test, words, relist = true) => {
    const lit = visible.filter(test), touched = new Set(lit.flatMap((e) => [e.from, e.to]));
    visible.forEach((e) => { const on = test(e); e.path.classList.toggle("lit", on); e.path.classList.toggle("dim", !on); });
    nodes.forEach((n, i) => n.group.classList.toggle("dim", !touched.has(i)));
    readout.textContent = words;
    if (relist && lit.length > 1) list(lit);
  };
  const at = (i) => light((e) => e.from === i || e.to === i, `${nodes[i].name}: ${visible.filter((e) => e.to === i).length} edges in, ${
    visible.filter((e) => e.from === i).length} out${pinned === i ? " (pinned, Esc lets go)" : ""}`);
  const rest = () => {
    if (pinned !== null) return at(pinned);
    visible.forEach((e) => e.path.classList.remove("lit", "dim"));
    nodes.forEach((n) => n.group.classList.remove("dim"));
    readout.textContent = `${visible.length} of ${edges.length} edges${data.left_out ? ` (${data.left_out} weaker ones left out)` : ""}`;
    list(visible);
  };
  const update = () => {
    const wanted = new Set(kinds.filter((k) => k.box.checked).map((k) => k.key));
    const text = search.value.trim();
    const hits = new Set(text ? nodes.flatMap((n, i) => (n.name.includes(text) ? [i] : [])) : []);
    visible = edges.filter((e, place) => place < amount.value && wanted.has(e.input || "o") && (sign.value === "both signs" || (sign.value === "helps") === e.score >= 0) &&
      (!text || hits.has(e.from) || hits.has(e.to)));
    const on = new Set(visible), touched = new Set(visible.flatMap((e) => [e.from, e.to]));
    edges.forEach((e) => { e.path.style.display = on.has(e) ? "" : "none"; });
    nodes.forEach((n, i) => { n.group.style.display = touched.has(i) || hits.has(i) ? "" : "none"; n.group.classList.toggle("hit", hits.has(i)); });
    shown.textContent = amount.value;
    rest();
  };
  update();
})();
