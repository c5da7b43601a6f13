// What the page weighs, gzipped, against what it may: `node weigh.mjs SITE`.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const site = process.argv[2];
const files = [...readdirSync(site), ...readdirSync(join(site, "assets")).map((name) => `assets/${name}`)];
const weight = (pattern) => files.filter((name) => pattern.test(name))
  .reduce((sum, name) => sum + gzipSync(readFileSync(join(site, name)), { level: 9 }).length, 0);
const rows = [
  ["simulation module", weight(/^assets\/sim_bg.*\.wasm$/), 150],
  ["its seldom needed half (when called)", weight(/^assets\/sim_rest.*\.wasm$/), 150],
  ["reader module (when a text is edited)", weight(/^assets\/reader_bg.*\.wasm$/), 280],
  ["course (when it is first opened)", weight(/^assets\/course-.*\.js$/), 75],
  ["scripts, styles, page", weight(/^(index\.html|assets\/index-.*\.js|assets\/.*\.css)$/), 60],
];
rows.push(["first load in all", rows[0][1] + rows[4][1], 210]);
let failed = false;
for (const [what, bytes, limit] of rows) {
  const over = bytes === 0 || bytes > limit * 1000;
  failed ||= over;
  console.log(`${what.padEnd(40)} ${(bytes / 1000).toFixed(1).padStart(7)} kB of ${limit} kB${over ? "  TOO MUCH" : ""}`);
}
process.exit(failed ? 1 : 0);
