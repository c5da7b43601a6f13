// How fast the page is, in Chromium, over the built site: `npm run bench -- SITE [FIRST_PASS]`. Medians, not verdicts: what
// counts is a machine that does nothing else. FIRST_PASS: the program of sim-web/examples that does natively what the page's
// module does when it reads a scenario ahead.
import { execFileSync } from "node:child_process";
import { chromium } from "@playwright/test";
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";

const site = process.argv[2] ?? "../../target/site";
/** The module as wasm-bindgen writes it, apart from the page: the site has the same bytes. */
const generated = join(import.meta.dirname, "../src/generated");
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };
const server = createServer((request, response) => {
  const path = request.url.split("?")[0];
  const file = path.startsWith("/alone/") ? join(generated, path.slice("/alone".length)) : join(site, path === "/" ? "index.html" : path);
  if (!existsSync(file)) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" });
  createReadStream(file).pipe(response);
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const url = `http://127.0.0.1:${server.address().port}/`;
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] });
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
const rows = [];

const loads = [];
for (let at = 0; at < 5; at++) {
  const page = await browser.newPage();
  const began = performance.now();
  await page.goto(url);
  await page.locator("hc-view-ports .cell").first().waitFor();
  loads.push(performance.now() - began);
  await page.close();
}
rows.push(["first view of tiny, from an empty cache", median(loads), "ms"]);

const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
await page.goto(`${url}#v=1&s=incident&views=states,ports,fds`);
const read = await page.evaluate(async () => {
  const store = document.querySelector("hc-app").store;
  const began = performance.now();
  while (!store.progress[0].finished) await new Promise((done) => setTimeout(done, 20));
  return performance.now() - began;
});
rows.push(["first pass over the incident (200 s)", read, "ms"]);
const seeks = await page.evaluate(async () => {
  const store = document.querySelector("hc-app").store;
  const times = [];
  let random = 12345;
  for (let at = 0; at < 60; at++) {
    random = (random * 1103515245 + 12345) % 2147483648;
    const began = performance.now();
    await store.seek((random / 2147483648) * store.end);
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b);
});
rows.push(["seek in the incident, median of 60", seeks[30], "ms"], ["seek in the incident, worst of 60", seeks[59], "ms"]);
const frames = await page.evaluate(async () => {
  const store = document.querySelector("hc-app").store;
  await store.seek(60e9);
  store.setSpeed(1);
  let count = 0;
  const heard = () => count++;
  document.addEventListener("hc-moment", heard);
  store.play();
  await new Promise((done) => setTimeout(done, 3000));
  store.pause();
  document.removeEventListener("hc-moment", heard);
  return count / 3;
});
rows.push(["frames a second, 28,231 connections drawn, speed 1", frames, "/s"]);
const alone = await browser.newPage();
await alone.goto(`${url}embed.js`);
const passes = await alone.evaluate(async () => {
  const { default: init, Lab, otherHalf } = await import("/alone/sim.js");
  const [first, rest, packed] = await Promise.all(["sim_bg.wasm", "sim_rest.wasm", "incident.scn"].map(async (name) => (await fetch(`/alone/${name}`)).arrayBuffer()));
  await init({ module_or_path: first });
  const half = new WebAssembly.Module(rest);
  otherHalf(() => half);
  const times = [];
  for (let run = 0; run < 7; run++) {
    const lab = new Lab(new Uint8Array(packed), undefined, false);
    const began = performance.now();
    while (!lab.prepare(0));
    times.push(performance.now() - began);
    lab.free();
  }
  return times;
});
await alone.close();
rows.push(["first pass over the incident, the module alone, cold", passes[0], "ms"], ["the same, median of 7 in one page", median(passes), "ms"]);
if (process.argv[3]) {
  const native = execFileSync(process.argv[3], [join(generated, "incident.scn"), "7"], { encoding: "utf8" }).trim().split("\n").map(Number);
  rows.push(["the same, native, median of 7", median(native), "ms"], ["WebAssembly / native, of the medians", median(passes) / median(native), ""]);
}
const client = await page.context().newCDPSession(page);
const heap = (await client.send("Runtime.getHeapUsage")).usedSize;
const wasm = await page.evaluate(() => document.querySelector("hc-app").store.sim.ask("memory"));
rows.push(["memory of the simulator", wasm / 1e6, "MB"], ["memory of the page's scripts", heap / 1e6, "MB"]);
for (const [what, value, unit] of rows) console.log(`${what.padEnd(56)} ${value.toFixed(value < 100 ? 1 : 0).padStart(8)} ${unit}`);
await browser.close();
server.close();
