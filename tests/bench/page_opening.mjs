// How long pages of ours take to open in headless Chromium, in milliseconds from the request until they are ready and drawn
// (two frames after data-ready), one page after the other in each round.
//   node --experimental-websocket tests/bench/page_opening.mjs ROUNDS PAGE.html…
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";

const [rounds, ...pages] = process.argv.slice(2);
const folder = mkdtempSync(`${tmpdir()}/page-opening-`);
const browser = spawn("chromium", ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
  `--user-data-dir=${folder}`, "--window-size=1300,900", "about:blank"], { stdio: ["ignore", "ignore", "pipe"] });
const address = await new Promise((found) => {
  let said = "";
  browser.stderr.on("data", (bytes) => { said += bytes; const match = said.match(/ws:\/\/\S+/); if (match) found(match[0]); });
});
const tabs = await (await fetch(`http://${new URL(address).host}/json`)).json();
const socket = new WebSocket(tabs.find((tab) => tab.type === "page").webSocketDebuggerUrl);
await new Promise((open) => { socket.onopen = open; });
const answers = new Map();
let sent = 0;
socket.onmessage = (event) => { const answer = JSON.parse(event.data); answers.get(answer.id)?.(answer.result); };
const ask = (method, params = {}) => new Promise((answer) => { answers.set(++sent, answer); socket.send(JSON.stringify({ id: sent, method, params })); });

// Runs in the page before its own scripts.
const watch = () => {
  const look = () => {
    if (!document.documentElement?.dataset.ready) return setTimeout(look, 2);
    requestAnimationFrame(() => requestAnimationFrame(() => { window.openedAfter = performance.now(); }));
  };
  look();
};
await ask("Page.enable");
await ask("Page.addScriptToEvaluateOnNewDocument", { source: `(${watch})()` });
for (let round = 0; round < Number(rounds); round++) {
  for (const page of pages) {
    await ask("Page.navigate", { url: "about:blank" });
    await ask("Page.navigate", { url: `file://${resolve(page)}` });
    let took = null;
    for (let i = 0; took === null && i < 1200; i++) {
      await new Promise((later) => setTimeout(later, 25));
      took = (await ask("Runtime.evaluate", { expression: "window.openedAfter ?? null" })).result.value ?? null;
    }
    console.log(page, took === null ? "not ready within 30 s" : took.toFixed(0));
  }
}
socket.close();
browser.on("exit", () => { rmSync(folder, { recursive: true, force: true }); process.exit(); });
browser.kill();
