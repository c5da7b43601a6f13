// Makes a module lighter, in its place: `node lighten.mjs MODULE.wasm`.
import { lighten } from "./binaryen.mjs";

lighten(process.argv[2]);
