// One store, one clock: what is shown, and the only way to change it. Views read it and say what they want of each
// moment; nothing else talks to the simulator.

import presetsJson from "./generated/presets.json";
import { type Act, type Doc, encode } from "./doc";
import { language, type Lang, speak } from "./i18n";
import { Sim } from "./sim/client";
import type { Want } from "./sim/protocol";
import type { ActionInfo, Done, Frame, Loaded, Progress, Typed } from "./wire";

const PACKED = import.meta.glob<string>("./generated/*.scn", { query: "?url", import: "default", eager: true });

export interface Preset {
  name: string;
  title: [string, string];
  question: [string, string];
  seed: number;
}
export const PRESETS = presetsJson as unknown as Preset[];

/** A preset as the modules that run scenarios take it. */
export async function packedPreset(name: string): Promise<Uint8Array | undefined> {
  const url = PACKED[`./generated/${name}.scn`];
  return url === undefined ? undefined : new Uint8Array(await (await fetch(url)).arrayBuffer());
}

/** Where a preset is first looked at: just before its story begins. */
const OPENING: Record<string, number> = { tiny: 4.9e9, incident: 4.9e9, "two-hosts": 4.9e9 };
export const DEFAULT_VIEWS = ["states", "ports", "fds", "log"];
export const SPEEDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

export type Speed = number | "auto";
export type Change = "doc" | "moment" | "progress" | "clock" | "language" | "views" | "follow" | "busy";

/** A connection that is followed: a port and the other end as the socket table has it. */
export interface Followed {
  host: number;
  local: string;
  remote: string;
}

const nothing: Progress = { done_ns: 0, finished: false, digest: "", events: 0, landmarks: [], pace: [], stopped: null };

export class Store extends EventTarget {
  readonly sim = new Sim();
  doc: Doc = { preset: "tiny", text: null, sets: "", seed: null, acts: [], at_ns: 0, views: [...DEFAULT_VIEWS], fork: null };
  loaded: Loaded | null = null;
  progress: Progress[] = [nothing];
  series: Float64Array[] = [new Float64Array()];
  frames: Frame[] = [];
  actions: ActionInfo[] = [];
  answers: Record<string, string | Uint8Array> = {};
  /** The timeline in sight: 0, or 1 for the fork. */
  line = 0;
  now = 0;
  playing = false;
  speed: Speed = "auto";
  followed: Followed | null = null;
  failure = "";
  /** Milliseconds the last moment took. */
  took = 0;
  readonly wants = new Map<string, () => Want | null>();
  #looking = false;
  #stale = false;
  #target: number | null = null;
  #lastTick = 0;
  #tools: Promise<void> | null = null;

  constructor() {
    super();
    this.sim.onprogress = (line, progress, series) => {
      this.progress[line] = progress;
      this.series[line] = series;
      this.#tell("progress");
    };
  }

  #tell(change: Change): void {
    this.dispatchEvent(new CustomEvent<Change>("change", { detail: change }));
  }

  /** Calls `listener` at every change until the signal ends it. */
  listen(listener: (change: Change) => void, signal?: AbortSignal): void {
    this.addEventListener("change", (event) => listener((event as CustomEvent<Change>).detail), { signal });
  }

  get frame(): Frame | null {
    return this.frames[Math.min(this.line, this.frames.length - 1)] ?? null;
  }

  get end(): number {
    return this.loaded?.end_ns ?? 0;
  }

  opening(): number {
    return OPENING[this.doc.preset] ?? 0;
  }

  /** Loads the module that has a shell and captures, and brings it to this very moment. */
  async needTools(): Promise<void> {
    this.#tools ??= this.sim.ask("useTools").then(() => this.open({ ...this.doc, at_ns: this.now }));
    await this.#tools;
  }

  /** Types a line into a host's shell at the moment in sight. */
  async type(host: number, line: string): Promise<Typed> {
    await this.needTools();
    const timeline = Math.min(this.line, this.frames.length - 1);
    const typed = await this.sim.json<Typed>("type_in", timeline, host, line);
    if (typed.moved_ns !== null) await this.seek(typed.moved_ns);
    if (typed.changed_ns !== null) {
      const list = timeline === 1 && this.doc.fork ? this.doc.fork.acts : this.doc.acts;
      list.splice(0, list.length, ...list.filter((act) => act.at_ns <= this.now));
      list.push({ at_ns: this.now, args: ["shell", String(host), line, ""], toml: `\n# At ${this.now}ns on ${this.loaded?.hosts[host]?.name}: ${line}\n` });
      await this.sim.ask("begin", timeline);
      this.#tell("doc");
      await this.refresh();
    }
    return typed;
  }

  /** Loads what the document says and goes to its moment. */
  async open(change: Partial<Doc>): Promise<void> {
    this.pause();
    const doc: Doc = { preset: "tiny", text: null, sets: "", seed: null, acts: [], at_ns: -1, views: this.doc.views, fork: null, ...change };
    const packed = doc.text === null && !doc.sets ? await packedPreset(doc.preset) : undefined;
    const loaded = await this.sim.load({
      packed, text: doc.text ?? undefined, preset: doc.preset, sets: doc.sets, seed: doc.seed, chinese: language() === "zh",
    });
    this.doc = doc;
    this.loaded = loaded;
    this.progress = [nothing];
    this.series = [new Float64Array()];
    this.line = 0;
    this.followed = null;
    this.failure = "";
    const acts = doc.acts;
    doc.acts = [];
    if ([...acts, ...(doc.fork?.acts ?? [])].some((act) => act.args[0] === "shell") && !this.#tools) {
      this.#tools = this.sim.ask("useTools").then(() => {});
      await this.#tools;
      return this.open({ ...doc, acts });
    }
    for (const act of acts) await this.#redo(0, act, doc.acts);
    if (doc.fork) {
      const fork = doc.fork;
      await this.sim.look(fork.at_ns, 0, {});
      await this.sim.ask("fork");
      const done: Act[] = [];
      for (const act of fork.acts) await this.#redo(1, act, done);
      doc.fork = { at_ns: fork.at_ns, acts: done };
    }
    this.actions = await this.sim.json<ActionInfo[]>("timeline", 0);
    if (doc.at_ns < 0) doc.at_ns = this.opening();
    this.now = Math.min(doc.at_ns, loaded.end_ns);
    this.#tell("doc");
    await this.seek(this.now);
  }

  /** Does again what a link says was done. The entry was made one nanosecond after the moment looked at. */
  async #redo(line: number, act: Act, list: Act[]): Promise<void> {
    await this.sim.look(act.args[0] === "shell" ? act.at_ns : act.at_ns - 1, line, {});
    const done = JSON.parse((await this.sim.ask("act", line, ...act.args)) as string) as Done;
    list.push({ at_ns: done.at_ns, args: act.args, toml: done.toml });
  }

  /** Looks at a moment; while one is being computed, only the last asked for is remembered. */
  async seek(ns: number): Promise<void> {
    this.#target = Math.max(0, Math.min(ns, this.end));
    await this.#look();
  }

  /** Asks again for what the views want now. */
  async refresh(): Promise<void> {
    this.#stale = true;
    await this.#look();
  }

  async #look(): Promise<void> {
    if (this.#looking || !this.loaded) return;
    this.#looking = true;
    try {
      while (this.#target !== null || this.#stale) {
        const target = this.#target;
        this.#target = null;
        this.#stale = false;
        const wants: Record<string, Want> = {};
        for (const [key, want] of this.wants) {
          const wanted = want();
          if (wanted) wants[key] = wanted;
        }
        const look = await this.sim.look(target, this.line, wants);
        this.frames = look.frames.map((frame) => JSON.parse(frame) as Frame);
        this.answers = look.answers;
        this.took = look.took;
        this.now = this.frame?.now_ns ?? 0;
        this.doc.at_ns = this.now;
        this.#tell("moment");
      }
    } catch (error) {
      this.pause();
      this.failure = String((error as Error).message);
      this.#tell("busy");
    } finally {
      this.#looking = false;
    }
  }

  async step(back: boolean, states = false): Promise<void> {
    this.pause();
    await this.seek(await this.sim.step(Math.min(this.line, this.frames.length - 1), back, states));
  }

  play(): void {
    if (this.playing || !this.loaded) return;
    if (this.now >= this.end) void this.seek(0);
    this.playing = true;
    this.#lastTick = performance.now();
    this.#tell("clock");
    requestAnimationFrame(this.#tick);
  }

  pause(): void {
    if (!this.playing) return;
    this.playing = false;
    this.#tell("clock");
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  setSpeed(speed: Speed): void {
    this.speed = speed;
    this.#tell("clock");
  }

  faster(up: boolean): void {
    const at = this.speed === "auto" ? SPEEDS.indexOf(1) : SPEEDS.indexOf(this.speed);
    this.setSpeed(SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at + (up ? 1 : -1)))] ?? 1);
  }

  #tick = async (): Promise<void> => {
    if (!this.playing) return;
    const time = performance.now();
    const passed = Math.min(time - this.#lastTick, 250) / 1e3;
    this.#lastTick = time;
    const next = this.speed === "auto" ? this.#paced(passed) : this.now + passed * this.speed * 1e9;
    await this.seek(next);
    if (this.now >= this.end) this.pause();
    if (this.playing) requestAnimationFrame(this.#tick);
  };

  /** Time goes by what is new: slowly where things happen for the first time, fast where nothing or only more of the
   *  same does. */
  #paced(seconds: number): number {
    const { pace, done_ns } = this.progress[Math.min(this.line, this.progress.length - 1)] ?? nothing;
    // Novelty a second, and virtual seconds a second where nothing is new: the whole takes about a minute.
    const perSecond = Math.max(2_000, (pace.at(-1)?.[1] ?? 0) / 32);
    const idle = this.end / 16;
    let at = pace.findIndex(([moment]) => moment > this.now);
    let now = this.now;
    let left = seconds;
    while (left > 0 && now < this.end) {
      const next = at < 0 ? undefined : pace[at];
      if (!next) return Math.min(now + left * idle, Math.max(done_ns, now));
      const before = pace[at - 1] ?? [0, 0];
      const length = Math.max(1, next[0] - before[0]);
      const needs = ((next[1] - before[1]) / perSecond + length / idle) * ((next[0] - now) / length);
      if (needs > left) return now + (next[0] - now) * (left / needs);
      left -= needs;
      now = next[0];
      at += 1;
    }
    return now;
  }

  /** Does something at the moment in sight. */
  async act(...args: [string, string?, string?, string?]): Promise<void> {
    const [what, a = "", b = "", c = ""] = args;
    const line = Math.min(this.line, this.frames.length - 1);
    const playing = this.playing;
    this.pause();
    const done = JSON.parse((await this.sim.ask("act", line, what, a, b, c)) as string) as Done;
    const list = line === 1 && this.doc.fork ? this.doc.fork.acts : this.doc.acts;
    // What was done later than now has not happened in the course of events that begins here.
    list.splice(0, list.length, ...list.filter((act) => act.at_ns < done.at_ns));
    list.push({ at_ns: done.at_ns, args: [what, a, b, c], toml: done.toml });
    this.actions = await this.sim.json<ActionInfo[]>("timeline", line);
    this.#tell("doc");
    await this.seek(done.at_ns);
    if (playing) this.play();
  }

  /** Kills the session that a client has; false if none has one. */
  async killSession(): Promise<boolean> {
    const session = (await this.sim.ask("call", "session", Math.min(this.line, this.frames.length - 1))) as number[] | undefined;
    if (!session) return false;
    await this.act("kill-session", String(session[0]), String(session[1]));
    return true;
  }

  async fork(): Promise<void> {
    this.pause();
    await this.sim.ask("fork");
    this.doc.fork = { at_ns: this.now, acts: [] };
    this.line = 1;
    this.#tell("doc");
    await this.seek(this.now);
  }

  async keep(line: number): Promise<void> {
    const fork = this.doc.fork;
    await this.sim.ask("keep", line);
    if (line === 1 && fork) {
      this.doc.acts = [...this.doc.acts.filter((act) => act.at_ns <= fork.at_ns), ...fork.acts];
    }
    this.doc.fork = null;
    this.line = 0;
    this.progress.length = 1;
    this.series.length = 1;
    this.#tell("doc");
    await this.seek(this.now);
  }

  look(line: number): void {
    this.line = line;
    this.#tell("doc");
    void this.refresh();
  }

  follow(followed: Followed | null): void {
    this.followed = followed;
    this.#tell("follow");
    void this.refresh();
  }

  setViews(views: string[]): void {
    this.doc.views = views;
    this.#tell("views");
    void this.refresh();
  }

  async setLanguage(lang: Lang): Promise<void> {
    speak(lang);
    await this.sim.ask("call", "speak", lang === "zh");
    this.#tell("language");
    await this.refresh();
  }

  /** The part of a link after `#`. */
  link(): Promise<string> {
    return encode(this.doc, { at_ns: this.opening(), views: DEFAULT_VIEWS });
  }

  /** The whole scenario as a text that the program runs to the same digest. */
  async scenario(): Promise<string> {
    const text = this.doc.text ?? ((await this.sim.ask("presetText", this.doc.preset)) as string);
    const acts = this.line === 1 && this.doc.fork
      ? [...this.doc.acts.filter((act) => act.at_ns <= (this.doc.fork?.at_ns ?? 0)), ...this.doc.fork.acts]
      : this.doc.acts;
    return `${text.trimEnd()}\n${acts.map((act) => act.toml).join("")}`;
  }
}
