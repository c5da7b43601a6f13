// One connection, packet by packet, with the change of state each packet made and its cause.

import { h, s } from "../dom";
import { clock, span } from "../format";
import { type Key, t } from "../i18n";
import { en } from "../i18n/en";
import { css, STATES } from "../states";
import { sentence } from "../sentences";
import type { Entry, SocketPage } from "../wire";
import { clientHost } from "./ports";
import { twin, View } from "./view";

const WIDTH = 640;
const [LEFT, RIGHT] = [190, 450];
const ROW = 34;
/** Nanoseconds without a packet that are shown as a gap. */
const SILENCE = 5e8;

/** One arrow or one change. */
interface Step {
  at: number;
  arrived: number | null;
  kind: "segment" | "state" | "note";
  fromClient: boolean;
  text: string;
  lost: string;
  state: number;
}

export class SequenceView extends View {
  readonly name = "sequence";
  #port = "";
  #picture = h("div", { class: "scroll sequence", tabindex: 0, role: "group" });
  #sum = h("p", { class: "hint", role: "status" });
  #text = h("ol", { class: "log" });
  #shown = "";
  /** The first pass had not come to this moment: what it reads may belong to the picture. */
  #partial = true;
  #asking = false;
  /** Something changed while it was being asked. */
  #again = false;

  protected build(): Node[] {
    this.#shown = "";
    const port = h("input", {
      type: "text", inputMode: "numeric", value: this.#port, size: 6, placeholder: "40000", "aria-label": t("sequence.port"),
      onchange: () => {
        this.#port = port.value.trim();
        this.store.follow(null);
      },
    });
    this.#picture = h("div", { class: "scroll sequence", tabindex: 0, role: "group", "aria-label": t("view.sequence") });
    this.#sum = h("p", { class: "hint", role: "status" });
    this.#text = h("ol", { class: "log" });
    return [h("label", { class: "field" }, h("span", {}, t("sequence.port")), port), this.#sum, this.#picture, twin(this.#text)];
  }

  protected update(change = ""): void {
    if (change === "doc") this.render();
    if (change === "progress" && !this.#partial || change === "clock" || this.store.playing) return;
    void this.#ask();
  }

  /** The connection to show: the one followed, the one of the port typed, the oldest in CLOSE-WAIT, the newest. */
  async #which(line: number): Promise<{ port: number; peer: string } | null> {
    const followed = this.store.followed;
    const port = (end: string) => Number(end.split(":").pop());
    if (followed) {
      const own = port(followed.local);
      const server = own === 3306 || own < port(followed.remote) && own < 10_000;
      return server ? { port: port(followed.remote), peer: followed.local } : { port: own, peer: followed.remote };
    }
    if (/^\d+$/.test(this.#port)) return { port: Number(this.#port), peer: "" };
    const host = clientHost(this.store.loaded);
    for (const filter of ["close-wait", "established", "syn-sent", "time-wait", "fin-wait"]) {
      const page = await this.store.sim.json<SocketPage>("sockets", line, host, filter, "owner", false, 0, 1);
      const row = page.rows[0];
      if (row && row.remote !== "*") {
        return port(row.local) < port(row.remote) ? { port: port(row.remote), peer: row.local } : { port: port(row.local), peer: row.remote };
      }
    }
    return null;
  }

  async #ask(): Promise<void> {
    this.#again = this.#asking;
    if (this.#asking) return;
    this.#asking = true;
    try {
      const line = Math.min(this.store.line, this.store.frames.length - 1);
      const which = await this.#which(line);
      const key = JSON.stringify([which, this.store.now, line, this.store.loaded?.seed]);
      if (key === this.#shown && !this.#partial) return;
      this.#shown = key;
      this.#partial = (this.store.progress[line]?.done_ns ?? 0) < this.store.now;
      const entries = which ? await this.store.sim.json<Entry[]>("follow", line, which.port, which.peer) : [];
      this.#draw(entries, which?.port ?? 0);
    } catch (error) {
      this.#sum.textContent = (error as Error).message;
    } finally {
      this.#asking = false;
      if (this.#again && !this.store.playing) void this.#ask();
    }
  }

  #draw(entries: Entry[], port: number): void {
    const isClient = (entry: Entry) => entry.local.endsWith(`:${port}`);
    const first = entries.find((entry) => isClient(entry));
    if (entries.length === 0 || !first) {
      this.#sum.textContent = t("sequence.empty");
      this.#picture.replaceChildren();
      this.#text.replaceChildren();
      return;
    }
    const steps = stepsOf(entries, port);
    const start = entries[0]?.at_ns ?? 0;
    let last = 66 - ROW;
    const rows = steps.map((step, at) => (last += ROW * (at > 0 && step.at - steps[at - 1]!.at > SILENCE ? 2 : 1)));
    const height = last + ROW + 4;
    const svg = s("svg", { class: "picture seq", viewBox: `0 0 ${WIDTH} ${height}`, width: WIDTH, height, role: "img", "aria-label": t("sequence.sum", steps.length, first.local, first.remote) });
    svg.append(s("defs", {}, s("marker", { id: `${this.uid}-a`, viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto" },
      s("path", { d: "M0 0 L10 5 L0 10 z", class: "arrow" }))));
    for (const [x, name, end] of [[LEFT, this.#owner(first, true), first.local], [RIGHT, this.#owner(first, false), first.remote]] as const) {
      svg.append(s("text", { x, y: 18, class: "who" }, name), s("text", { x, y: 34, class: "end" }, end),
        s("line", { x1: x, x2: x, y1: 42, y2: height - 8, class: "life" }));
    }
    steps.forEach((step, at) => svg.append(...this.#step(step, rows[at]!, start, steps[at - 1])));
    this.#picture.replaceChildren(svg);
    this.#sum.textContent = t("sequence.sum", steps.length, first.local, first.remote);
    this.#text.replaceChildren(...entries.map((entry) => h("li", { class: "entry" }, h("time", {}, clock(entry.at_ns)), h("span", {}, sentence(entry, this.store.loaded)))));
  }

  #owner(entry: Entry, client: boolean): string {
    const loaded = this.store.loaded;
    const kinds = loaded?.processes.filter((process) => (process.program === "mysqld") !== client);
    const name = (client ? kinds?.find((process) => process.program !== "mysql" && process.program !== "dns") : kinds?.[0])?.name;
    return name ?? loaded?.hosts[entry.host]?.name ?? "";
  }

  #step(step: Step, y: number, start: number, before: Step | undefined): SVGElement[] {
    const parts: SVGElement[] = [];
    if (!before || step.at !== before.at) {
      parts.push(s("text", { x: 6, y: y + 4, class: "when" }, `+${span(step.at - start)}`));
      const gap = before ? step.at - before.at : 0;
      const between = y - ROW - 2;
      if (gap > SILENCE) parts.push(s("line", { x1: LEFT - 60, x2: RIGHT + 60, y1: between, y2: between, class: "gap" }),
        s("text", { x: (LEFT + RIGHT) / 2, y: between + 4, class: "gaptext" }, span(gap)));
    }
    if (step.kind === "segment") {
      const [from, to] = step.fromClient ? [LEFT, RIGHT] : [RIGHT, LEFT];
      const end = step.lost ? (from + to) / 2 : to + (step.fromClient ? -3 : 3);
      parts.push(s("line", { x1: from, y1: y - 4, x2: end, y2: y + (step.lost ? 1 : 6), class: `segment${step.lost ? " lost" : ""}`, "marker-end": step.lost ? undefined : `url(#${this.uid}-a)` }),
        s("text", { x: (LEFT + RIGHT) / 2, y: y - 7, class: "what" }, step.text));
      if (step.lost) parts.push(s("text", { x: end, y: y + 7, class: "lost" }, `✕ ${t("sequence.lost", step.lost)}`));
    } else {
      const left = step.fromClient;
      const x = left ? LEFT : RIGHT;
      parts.push(s("circle", { cx: x, cy: y, r: 5, class: "dot", style: `fill:${css(step.state)}` }),
        s("text", { x: left ? x + 10 : x - 10, y: y + 4, class: `change ${left ? "left" : "right"}` }, step.text));
    }
    return parts;
  }
}

/** Arrivals join what was sent; what nobody received was lost. */
function stepsOf(entries: Entry[], port: number): Step[] {
  const steps: (Step & { numbers?: readonly number[]; what?: string; len?: number })[] = [];
  let before = 0;
  for (const entry of entries) {
    // Of a long connection only its beginning and its end are told.
    if (before > 0 && entry.seq > before + 1) {
      steps.push({ at: entry.at_ns, arrived: null, kind: "note", fromClient: true, text: t("sequence.skipped", entry.seq - before - 1), lost: "", state: 0 });
    }
    before = entry.seq;
    const client = entry.local.endsWith(`:${port}`);
    if (entry.kind === "send") {
      const text = entry.number > 0 ? t("log.bytes", entry.what, entry.number) : entry.what;
      steps.push({ at: entry.at_ns, arrived: null, kind: "segment", fromClient: client, text, lost: "", state: 0, numbers: entry.numbers, what: entry.what, len: entry.number });
    } else if (entry.kind === "receive") {
      const sent = steps.find((step) => step.kind === "segment" && step.arrived === null && !step.lost && step.fromClient !== client
        && step.numbers?.[0] === entry.numbers[0] && step.what === entry.what && step.len === entry.number);
      if (sent) sent.arrived = entry.at_ns;
    } else if (entry.kind === "drop") {
      const sent = steps.findLast((step) => step.kind === "segment" && step.fromClient === client && step.arrived === null);
      const key = `drop.${entry.why}`;
      if (sent) sent.lost = key in en ? t(key as Key) : entry.why;
    } else if (entry.kind === "state") {
      const [from = 0, to = 0] = entry.change ?? [];
      steps.push({ at: entry.at_ns, arrived: null, kind: "state", fromClient: client, text: `${STATES[from]} → ${STATES[to]}: ${entry.why}`, lost: "", state: to });
    } else if (entry.kind === "pick") {
      steps.push({ at: entry.at_ns, arrived: null, kind: "note", fromClient: true, text: t("sequence.pick", entry.number), lost: "", state: 0 });
    }
  }
  return steps;
}
