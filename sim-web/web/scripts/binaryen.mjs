// What Binaryen does to the page's modules.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

export const FEATURES = ["bulk-memory", "reference-types", "sign-ext", "multivalue", "mutable-globals", "nontrapping-float-to-int"]
  .map((feature) => `--enable-${feature}`);
/** What LLVM leaves; not the passes that inline or sort functions, which weigh more once compressed. */
const PASSES = ["duplicate-function-elimination", "code-pushing", "optimize-instructions", "pick-load-signs",
  "duplicate-function-elimination", "remove-unused-brs", "merge-blocks", "vacuum", "rse", "vacuum", "duplicate-function-elimination"]
  .map((pass) => `--${pass}`);

/** Takes from a module what LLVM leaves in it. */
export function lighten(file, ...options) {
  execFileSync("wasm-opt", [...options, ...FEATURES, ...PASSES, file, "-o", file]);
  writeFileSync(file, withItsTable(readFileSync(file)));
}

/** Binaryen 108 writes every exported table as table 0; wasm-bindgen's is the second. */
export function withItsTable(code) {
  const name = "__wbindgen_externrefs";
  const found = [];
  for (let at = code.indexOf(name); at >= 0; at = code.indexOf(name, at + 1)) found.push(at + name.length);
  const exported = found.filter((at) => code[at] === 1);
  if (exported.length !== 1) throw new Error(`${name} is exported ${exported.length} times`);
  code[exported[0] + 1] = 1;
  return code;
}
