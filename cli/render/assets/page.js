"use strict";
// What every page of ours shares: elements, colours, numbers, light and dark, the state in the link.
const page = (() => {
const root = document.documentElement;
const fault = (what) => { root.dataset.error = String(what); };
window.addEventListener("error", (e) => fault(e.message));
window.addEventListener("unhandledrejection", (e) => fault(e.reason));

// An element. Attributes that begin with "on" are listeners, undefined and false ones are left out.
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((c) => c !== null && c !== undefined));
  return element;
};
const option = (value, text) => make("option", { value }, text);
const bytesOf = (text) => { const s = atob(text), b = new Uint8Array(s.length); for (let i = 0; i < s.length; i++) b[i] = s.charCodeAt(i); return b; };
const number = (v, digits) => !Number.isFinite(v) ? String(v) : v !== 0 && Math.abs(v) < 1e-3 ? v.toExponential(2) : v.toPrecision(digits);
const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
const dark = () => root.dataset.theme === "dark";
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

// ---- colours ------------------------------------------------------------------------------------
const ODD = { nan: [255, 0, 200], inf: [255, 106, 0], ninf: [150, 150, 150] };
// A share in [0, 1] under a scale; "log" shows four decades.
const DECADES = 4;
const scaled = (t, scale) => { t = clamp(t, 0, 1); return scale === "root" ? Math.sqrt(t) : scale === "log" ? (t > 0 ? Math.max(0, 1 + Math.log10(t) / DECADES) : 0) : t; };
const unscaled = (t, scale) => scale === "root" ? t * t : scale === "log" ? (t > 0 ? 10 ** (DECADES * (t - 1)) : 0) : t;
// The place of a value in a palette, [0, 1]. A signed range is symmetric, and its middle is zero.
const place = (value, range, scale) => {
  if (!range.signed) return scaled((value - range.low) / (range.high - range.low), scale);
  return 0.5 + Math.sign(value) * scaled(Math.abs(value) / range.high, scale) / 2;
};
const valueAt = (t, range, scale) => range.signed ? Math.sign(t - 0.5) * unscaled(Math.abs(2 * t - 1), scale) * range.high
  : range.low + (range.high - range.low) * unscaled(t, scale);
const colour = (value, range, scale, palette) => {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? ODD.nan : value > 0 ? ODD.inf : ODD.ninf;
  const c = Math.round(255 * place(value, range, scale)) * 3;
  return [palette[c], palette[c + 1], palette[c + 2]];
};

// ---- light and dark -----------------------------------------------------------------------------
const watchers = [];
const setTheme = (name) => { root.dataset.theme = name; for (const f of watchers) f(); };
root.dataset.theme = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
const themeButton = () => make("button", { type: "button", title: "light or dark", "aria-label": "light or dark", onclick: () => setTheme(dark() ? "light" : "dark") }, "◐");
// A page whose text stands in it already (a report) has a place for the button and no script of its own.
for (const place of document.querySelectorAll("[data-theme-button]")) place.append(themeButton());

// ---- the state in the link: #name=value&name=value ----------------------------------------------
const readLink = () => new Map(location.hash.slice(1).split("&").filter((x) => x.includes("=")).map((x) => { const i = x.indexOf("="); return [x.slice(0, i), decodeURIComponent(x.slice(i + 1))]; }));
// A page inside another's frame has no address of its own to write to.
const framed = location.protocol === "about:";
const writeLink = (entries) => {
  if (framed) return;
  const text = Object.entries(entries).filter(([, v]) => v !== undefined && v !== null && v !== "").map(([k, v]) => `${k}=${encodeURIComponent(v).replaceAll("%2C", ",").replaceAll("%3A", ":")}`).join("&");
  if ("#" + text !== location.hash) history.replaceState(null, "", "#" + text);
};
const typing = (event) => event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT" ||
  (event.target.tagName === "INPUT" && !["checkbox", "radio"].includes(event.target.type));
return { root, make, option, bytesOf, number, css, dark, clamp, scaled, place, valueAt, colour, setTheme, themeButton, onTheme: (f) => watchers.push(f), readLink, writeLink, typing };
})();
