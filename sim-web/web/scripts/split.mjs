// Halves the module that runs scenarios: `node split.mjs LINKED.wasm FOLDER`.
//
// What a first look executes stays in sim_bg.wasm: the smallest scenario, opened with the views that the page opens
// with, played, and scrubbed. All else goes to sim_rest.wasm, which joins it at the first call of a function in there.
// Binaryen's wasm-split does it, from a profile that is made here.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { FEATURES, lighten, withItsTable } from "./binaryen.mjs";
import { dataParted } from "./data.mjs";
import { alike } from "./order.mjs";
import { bodies, joined, sections } from "./wasm.mjs";

/** What the page opens with. */
const FIRST = "tiny";
/** What its views want of every moment. */
const WANTS = [["ports", 0, false], ["descriptors", 0, 0, 40], ["log", "state call other", 40]];

const linked = readFileSync(process.argv[2]);
const folder = resolve(process.argv[3]);
const module = join(folder, "sim_bg.wasm");
const glue = join(folder, "sim.js");
const work = mkdtempSync(join(tmpdir(), "halfclose-split-"));
try {
  const [whole, watched, profile, main, rest] = ["whole", "watched", "profile", "main", "rest"].map((name) => join(work, name));
  writeFileSync(whole, without(readFileSync(module), /^(linking|reloc\..*)$/));
  lighten(whole, "-g");
  execFileSync("wasm-split", ["--instrument", ...FEATURES, whole, "-o", watched]);
  writeFileSync(profile, await executed(withItsTable(readFileSync(watched))));
  execFileSync("wasm-split", ["--split", "--symbolmap", ...FEATURES, `--profile=${profile}`, whole, "-o1", main, "-o2", rest]);
  const [known, gone] = [main, rest].map((file) => functions(`${file}.symbols`));
  for (const name of known) gone.delete(name);
  const first = ordered(readFileSync(main));
  writeFileSync(join(folder, "sim_rest.wasm"), dataParted(linked, gone, first, readFileSync(rest)));
  writeFileSync(module, withItsTable(first));
  writeFileSync(glue, joinable(readFileSync(glue, "utf8")));
  writeFileSync(join(folder, "sim.d.ts"), `${readFileSync(join(folder, "sim.d.ts"), "utf8")}
/** Says where the other half comes from. It is asked in the middle of a call, so it answers at once. */
export function otherHalf(bring: () => WebAssembly.Module): void;
`);
} finally {
  rmSync(work, { recursive: true });
}

/** Names in a list of wasm-split's: a number and a name in each line. */
function functions(file) {
  return new Set(readFileSync(file, "utf8").split("\n").map((line) => line.slice(line.indexOf(":") + 1)));
}

/** A module without some of its custom sections. */
function without(code, sorts) {
  return joined(sections(code).filter(({ name }) => !sorts.test(name)));
}

/** A module whose functions stand beside those that are like them. */
function ordered(code) {
  const [binary, text] = [join(work, "unordered.wasm"), join(work, "ordered.wat")];
  writeFileSync(binary, code);
  execFileSync("wasm-dis", [...FEATURES, binary, "-o", text]);
  const lines = readFileSync(text, "latin1").trimEnd().slice(0, -1).split("\n");
  /** Beginnings of the module's parts: they, and nothing else, stand one step to the right. */
  const begins = [...lines.keys()].filter((at) => /^ [(;]/.test(lines[at]));
  const parts = begins.map((at, index) => lines.slice(at, begins[index + 1]).join("\n"));
  const own = parts.filter((part) => part.startsWith(" (func "));
  const order = alike(bodies(code).map((body) => body.code));
  if (order.length !== own.length) throw new Error("wasm-dis does not write one function for each there is");
  const next = order.values();
  const sorted = parts.map((part) => (part.startsWith(" (func ") ? own[next.next().value] : part));
  writeFileSync(text, `(module\n${sorted.join("\n")}\n)\n`, "latin1");
  execFileSync("wasm-as", [...FEATURES, text, "-o", binary]);
  return readFileSync(binary);
}

/** Runs what is looked at first, and tells which functions were called. */
async function executed(code) {
  const { initSync, Lab } = await import(pathToFileURL(glue).href);
  const wasm = initSync({ module: new WebAssembly.Module(code) });
  for (const chinese of [false, true]) {
    const lab = new Lab(readFileSync(join(folder, `${FIRST}.scn`)), undefined, chinese);
    const { end_ns } = JSON.parse(lab.loaded());
    while (!lab.prepare(0)) lab.progress(0);
    for (const call of ["progress", "series", "timeline"]) lab[call](0);
    for (const part of [0, 0.2, 0.5, 1, 0.3]) {
      lab.seek(0, Math.floor(end_ns * part));
      lab.frame(0);
      for (const [method, ...args] of WANTS) lab[method](0, ...args);
    }
    lab.free();
  }
  // An error goes through the table of JavaScript's values. What touches that cannot leave: Binaryen 108 hands only
  // the table of functions over.
  try {
    new Lab(new Uint8Array(), undefined, false);
    throw new Error("a scenario was made of nothing");
  } catch (error) {
    if (typeof error !== "string") throw error;
  }
  const at = 1 << 16;
  const bytes = wasm.__write_profile(at, wasm.memory.buffer.byteLength - at);
  return new Uint8Array(wasm.memory.buffer, at, bytes);
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
