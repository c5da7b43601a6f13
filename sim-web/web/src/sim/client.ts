// The page's end of the worker.

import readerUrl from "../generated/reader_bg.wasm?url";
import toolsUrl from "../generated/tools_bg.wasm?url";
import halfUrl from "../generated/sim_rest.wasm?url";
import simUrl from "../generated/sim_bg.wasm?url";
import type { Loaded, Progress } from "../wire";
import type { Load, Look, Reply, Want } from "./protocol";
import SimWorker from "./worker?worker&inline";

declare const __SINGLE__: boolean;

/** A failure the simulator reports, in its own words. */
export class SimFailure extends Error {}

async function compile(url: string): Promise<WebAssembly.Module> {
  const response = await fetch(url);
  // A plain file host may not know the type of wasm files.
  return WebAssembly.compile(await response.arrayBuffer());
}

export class Sim {
  readonly #worker = new SimWorker();
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #last = 0;
  onprogress: (line: number, progress: Progress, series: Float64Array) => void = () => {};

  constructor() {
    this.#worker.onmessage = (event: MessageEvent<Reply>) => this.#hear(event.data);
    this.#worker.onerror = (event) => {
      for (const { reject } of this.#waiting.values()) reject(new SimFailure(event.message));
      this.#waiting.clear();
    };
  }

  #hear(reply: Reply): void {
    if (reply.kind === "progress") {
      this.onprogress(reply.line, reply.progress, reply.series);
    } else if (reply.kind === "need") {
      const { module } = reply;
      void compile(module === "reader" ? readerUrl : toolsUrl).then((code) => this.ask("module", module, code));
    } else {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.kind === "answer") waiting?.resolve(reply.value);
      else waiting?.reject(new SimFailure(reply.error));
    }
  }

  ask(method: string, ...args: unknown[]): Promise<unknown> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, method, args });
    });
  }

  async start(): Promise<void> {
    // The one file has its second half at hand; from a host it comes when it is first called.
    const half = __SINGLE__ ? compile(halfUrl) : new URL(halfUrl, document.baseURI).href;
    await this.ask("init", await compile(simUrl), await half);
  }

  async load(load: Load): Promise<Loaded> {
    return JSON.parse((await this.ask("load", load)) as string) as Loaded;
  }

  async look(ns: number | null, line: number, wants: Record<string, Want>): Promise<Look> {
    return (await this.ask("look", ns, line, wants)) as Look;
  }

  async step(line: number, back: boolean, states: boolean): Promise<number> {
    return (await this.ask("step", line, back, states)) as number;
  }

  /** Calls a method of the simulator that answers with JSON. */
  async json<T>(method: string, ...args: unknown[]): Promise<T> {
    return JSON.parse((await this.ask("call", method, ...args)) as string) as T;
  }
}
