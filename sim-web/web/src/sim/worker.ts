// The simulator, away from the page's thread. Between calls it reads ahead.

import initReader, * as reader from "../generated/reader.js";
import initSim, { Lab as PlainLab, otherHalf } from "../generated/sim.js";
import initTools, { examine, Lab as ToolsLab, measure } from "../generated/tools.js";
import type { Call, Load, Look, Reply, Want } from "./protocol";

const SLICE_MS = 12;
const REPORT_MS = 150;

let lab: PlainLab | ToolsLab | null = null;
let toolsReady: Promise<unknown> | null = null;
let withTools = false;
let memory: WebAssembly.Memory | null = null;
let lines = 0;
let unfinished: number[] = [];
let reported = 0;
let readerReady: Promise<unknown> | null = null;
const expected = new Map<string, (module: WebAssembly.Module) => void>();

const post = (reply: Reply, transfer: Transferable[] = []) =>
  (self as unknown as Worker).postMessage(reply, transfer);

/** Modules beyond the first are fetched by the page when they are first needed. */
function fetched(name: "reader" | "tools"): Promise<WebAssembly.Module> {
  return new Promise((resolve) => {
    expected.set(name, resolve);
    post({ kind: "need", module: name });
  });
}

/** In the middle of a call there is no waiting but this. */
function fetchedNow(url: string): WebAssembly.Module {
  const request = new XMLHttpRequest();
  request.open("GET", url, false);
  request.responseType = "arraybuffer";
  request.send();
  return new WebAssembly.Module(request.response as ArrayBuffer);
}

function needReader(): Promise<unknown> {
  readerReady ??= fetched("reader").then((module) => initReader({ module_or_path: module }));
  return readerReady;
}

function needTools(): Promise<unknown> {
  toolsReady ??= fetched("tools").then((module) => initTools({ module_or_path: module }));
  return toolsReady;
}

/** A scenario as the modules that run it take it. */
async function packed(load: Load): Promise<Uint8Array> {
  if (load.packed && !load.sets) return load.packed;
  await needReader();
  return reader.pack(load.text ?? reader.preset_text(load.preset ?? ""), load.sets);
}

function report(line: number): void {
  if (!lab) return;
  const series = lab.series(line);
  post({ kind: "progress", line, progress: JSON.parse(lab.progress(line)), series }, [series.buffer]);
}

const channel = new MessageChannel();
channel.port1.onmessage = () => {
  const line = unfinished[0];
  if (!lab || line === undefined) return;
  const until = performance.now() + SLICE_MS;
  let done = false;
  while (!done && performance.now() < until) done = lab.prepare(line);
  if (done) unfinished.shift();
  if (done || performance.now() - reported > REPORT_MS) {
    report(line);
    reported = performance.now();
  }
  readAhead();
};

/** Goes on when the calls that wait have been answered. */
function readAhead(): void {
  if (unfinished.length > 0) setTimeout(() => channel.port2.postMessage(null));
}

function begin(line: number): void {
  unfinished = [...unfinished.filter((one) => one !== line), line];
  readAhead();
}

function answer(want: Want, line: number): string | Uint8Array {
  const call = (lab as unknown as Record<string, (...args: unknown[]) => string | Uint8Array>)[want.method];
  return call ? call.call(lab, line, ...want.args) : "null";
}

const methods = {
  /** `half`: the functions that are seldom needed, or the address where they are. */
  async init(module: WebAssembly.Module, half: WebAssembly.Module | string) {
    otherHalf(() => (typeof half === "string" ? fetchedNow(half) : half));
    memory = (await initSim({ module_or_path: module })).memory;
  },
  /** Bytes that the module which runs scenarios has taken. */
  memory: () => memory?.buffer.byteLength ?? 0,
  module(name: string, module: WebAssembly.Module) {
    expected.get(name)?.(module);
  },
  /** From the next scenario on, the module with a shell and captures runs it. */
  async useTools() {
    await needTools();
    withTools = true;
  },
  async load(load: Load) {
    const code = await packed(load);
    unfinished = [];
    const next = new (withTools ? ToolsLab : PlainLab)(code, load.seed ?? undefined, load.chinese);
    lab?.free();
    lab = next;
    lines = 1;
    begin(0);
    return lab.loaded();
  },
  /** Quantities of a scenario that runs apart from what is looked at. */
  async measure(load: Load, questions: string) {
    const [code] = await Promise.all([packed(load), needTools()]);
    return measure(code, load.seed ?? undefined, questions);
  },
  /** What is found in such a scenario at a moment. */
  async examine(load: Load, at: string) {
    const [code] = await Promise.all([packed(load), needTools()]);
    return examine(code, load.seed ?? undefined, at);
  },
  async check(text: string, sets: string) {
    await needReader();
    return reader.check(text, sets);
  },
  async presetText(name: string) {
    await needReader();
    return reader.preset_text(name);
  },
  /** Brings all timelines to a moment and answers what is wanted of the one in sight. */
  look(ns: number | null, line: number, wants: Record<string, Want>): Look {
    const began = performance.now();
    if (!lab) throw new Error("nothing is loaded");
    const frames: string[] = [];
    for (let one = 0; one < lines; one++) {
      if (ns !== null) lab.seek(one, ns);
      frames.push(lab.frame(one));
    }
    const answers: Look["answers"] = {};
    for (const [key, want] of Object.entries(wants)) answers[key] = answer(want, Math.min(line, lines - 1));
    return { frames, answers, took: performance.now() - began };
  },
  step(line: number, back: boolean, states: boolean): number {
    if (!lab) return 0;
    lab.step(line, back, states);
    return JSON.parse(lab.frame(line)).now_ns;
  },
  act(line: number, what: string, a: string, b: string, c: string) {
    if (!lab) return "";
    const done = lab.act(line, what, a, b, c);
    begin(line);
    report(line);
    return done;
  },
  begin(line: number) {
    begin(line);
    report(line);
  },
  fork() {
    lab?.fork();
    lines = 2;
    begin(1);
    report(1);
  },
  keep(line: number) {
    lab?.keep(line);
    lines = 1;
    unfinished = [];
    begin(0);
    report(0);
  },
  call(method: string, ...args: unknown[]) {
    return (lab as unknown as Record<string, (...args: unknown[]) => unknown>)[method]?.call(lab, ...args);
  },
};

self.onmessage = async (event: MessageEvent<Call>) => {
  const { id, method, args } = event.data;
  try {
    const run = methods[method as keyof typeof methods] as (...args: unknown[]) => unknown;
    post({ kind: "answer", id, value: await run(...args) });
  } catch (error) {
    post({ kind: "failure", id, error: error instanceof Error ? error.message : String(error) });
  }
};
