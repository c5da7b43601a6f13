// Halves the module that runs scenarios: `node split.mjs FOLDER`.
//
// What a first look at the page and at the incident executes stays in sim_bg.wasm. All else goes to sim_rest.wasm,
// which joins it at the first call of a function in there. Binaryen's wasm-split does it, from a profile that is made here.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const FEATURES = ["bulk-memory", "reference-types", "sign-ext", "multivalue", "mutable-globals", "nontrapping-float-to-int"]
  .map((feature) => `--enable-${feature}`);
/** What the page shows of every moment. */
const WANTS = [["ports", 0, false], ["sockets", 0, "", "recv_q", true, 0, 40], ["descriptors", 0, 0, 40], ["processlist", 1],
  ["log", "state call other", 1], ["log", "state segment call other", 40], ["probe", 0]];

const folder = resolve(process.argv[2]);
const module = join(folder, "sim_bg.wasm");
const glue = join(folder, "sim.js");
const work = mkdtempSync(join(tmpdir(), "halfclose-split-"));
try {
  const watched = join(work, "watched.wasm");
  const profile = join(work, "profile");
  execFileSync("wasm-split", ["--instrument", ...FEATURES, module, "-o", watched]);
  writeFileSync(profile, await executed(withItsTable(readFileSync(watched))));
  const main = join(work, "main.wasm");
  execFileSync("wasm-split", ["--split", ...FEATURES, `--profile=${profile}`, module, "-o1", main, "-o2", join(folder, "sim_rest.wasm")]);
  writeFileSync(module, withItsTable(readFileSync(main)));
  writeFileSync(glue, joinable(readFileSync(glue, "utf8")));
  writeFileSync(join(folder, "sim.d.ts"), `${readFileSync(join(folder, "sim.d.ts"), "utf8")}
/** Says where the other half comes from. It is asked in the middle of a call, so it answers at once. */
export function otherHalf(bring: () => WebAssembly.Module): void;
`);
} finally {
  rmSync(work, { recursive: true });
}

/** Runs what is looked at first, and tells which functions were called. */
async function executed(code) {
  const { initSync, Lab } = await import(pathToFileURL(glue).href);
  const wasm = initSync({ module: new WebAssembly.Module(code) });
  for (const name of ["tiny", "incident"]) {
    for (const chinese of [false, true]) {
      const lab = new Lab(readFileSync(join(folder, `${name}.scn`)), undefined, chinese);
      const { end_ns } = JSON.parse(lab.loaded());
      while (!lab.prepare(0)) lab.progress(0);
      for (const call of ["progress", "series", "timeline", "session"]) lab[call](0);
      for (const part of [0, 0.2, 0.5, 1, 0.3]) {
        lab.seek(0, Math.floor(end_ns * part));
        lab.frame(0);
        for (const [method, ...args] of WANTS) lab[method](0, ...args);
      }
      for (const back of [false, true]) for (const states of [false, true]) lab.step(0, back, states);
      // An error goes through the table of JavaScript's values. What touches that cannot leave: Binaryen 108 hands only
      // the table of functions over.
      try {
        lab.act(0, "", "", "", "");
      } catch (error) {
        if (typeof error !== "string") throw error;
      }
      lab.free();
    }
  }
  const at = 1 << 16;
  const bytes = wasm.__write_profile(at, wasm.memory.buffer.byteLength - at);
  return new Uint8Array(wasm.memory.buffer, at, bytes);
}

/** Binaryen 108 writes every exported table as table 0; wasm-bindgen's is the second. */
function withItsTable(code) {
  const name = "__wbindgen_externrefs";
  const found = [];
  for (let at = code.indexOf(name); at >= 0; at = code.indexOf(name, at + 1)) found.push(at + name.length);
  const exported = found.filter((at) => code[at] === 1);
  if (exported.length !== 1) throw new Error(`${name} is exported ${exported.length} times`);
  code[exported[0] + 1] = 1;
  return code;
}

/** The glue with functions that stand in for those of the other half until it is there. */
function joinable(text) {
  const imports = `"./sim_bg.js": import0,`;
  if (text.split(imports).length !== 2) throw new Error("wasm-bindgen writes its imports in another way");
  return `${text.replace(imports, `${imports}\n        placeholder,`)}
let bringHalf = () => { throw new Error("nobody knows where the other half is"); };
let half = null;
const placeholder = new Proxy({}, {
  get: (_none, slot) => (...args) => {
    half ??= new WebAssembly.Instance(bringHalf(), { ...__wbg_get_imports(), primary: wasm });
    return wasm.table.get(Number(slot))(...args);
  },
});
export function otherHalf(bring) {
  bringHalf = bring;
}
`;
}
