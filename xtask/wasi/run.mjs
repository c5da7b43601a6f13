// Runs one WASI program under Node: the cargo runner for wasm32-wasip1.
// The program gets its arguments and environment, and no directory: the core reads no files.
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const [program, ...args] = process.argv.slice(2);
if (program === undefined) {
  console.error('usage: node --no-warnings --no-wasm-lazy-compilation run.mjs PROGRAM.wasm [ARGUMENT...]');
  process.exit(2);
}

const wasi = new WASI({ version: 'preview1', args: [program, ...args], env: process.env, returnOnExit: true });
const module = await WebAssembly.compile(await readFile(program));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);
