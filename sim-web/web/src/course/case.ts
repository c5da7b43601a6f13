// A blind case: a terminal, three questions, and the truth as the model found it.

import { h } from "../dom";
import { pick } from "../i18n";
import type { TerminalView } from "../views/terminal";
import type { Case } from "./data";
import { catalogue, cases } from "./library";
import { type Diagnosed, type Option, said } from "./model";
import { aside, button, focused, head, inline, type Page, prose, type Room, waiting } from "./room";
import { w } from "./words";

/** A prime, so that another time is another draw wherever a seat draws from. */
const ANOTHER = 997;

const PARTS = ["side", "cause", "remedy"] as const;
type Part = (typeof PARTS)[number];

/** Words of the shell that no real host has and that would tell the answer. */
const GIVES_AWAY = /(^|[|;&(\s])(findings|metrics|explain)\b/;

export class CasePage implements Page {
  #truth: Diagnosed | null = null;
  #picked: Record<Part, string> | null = null;
  #missing = false;
  #open = false;
  #failure = "";
  #ended = false;
  /** How often it was begun anew, with other numbers. */
  #again = 0;

  constructor(readonly room: Room, readonly item: Case) {}

  end(): void {
    this.#ended = true;
  }

  async start(): Promise<void> {
    this.room.mode("blind");
    this.room.draw();
    try {
      const { store, model } = this.room;
      const truth = await model.diagnose(this.item, catalogue, this.room.seat + ANOTHER * this.#again);
      if (this.#ended) return;
      await store.needTools();
      store.setViews([]);
      await this.room.show(truth.cast, truth.at_ns, ["terminal"]);
      this.#truth = truth;
      this.room.draw();
      const terminal = this.room.app.querySelector<TerminalView>("hc-view-terminal");
      const host = store.loaded?.hosts.findIndex((one) => one.name === this.item.host) ?? -1;
      if (terminal && host >= 0) terminal.host = host;
      if (terminal) terminal.refuse = (line) => (this.#picked === null && GIVES_AWAY.test(line) ? w("noPeeking") : "");
      for (const line of this.item.type) await terminal?.type(line);
    } catch (error) {
      this.#failure = (error as Error).message;
      if (!this.#ended) this.room.draw();
    }
  }

  /** The same case with other numbers: drawn for a seat that nobody has. */
  async #anew(): Promise<void> {
    this.#again += 1;
    this.#truth = null;
    this.#picked = null;
    this.#open = false;
    await this.start();
  }

  #grade(form: HTMLFormElement): void {
    const chosen = new FormData(form);
    const picked = Object.fromEntries(PARTS.map((part) => [part, String(chosen.get(part) ?? "")])) as Record<Part, string>;
    this.#missing = PARTS.some((part) => picked[part] === "");
    if (!this.#missing) {
      this.#picked = picked;
      for (const part of PARTS) this.room.progress.answered(this.item.id, part, picked[part], this.#right(part)?.id === picked[part]);
      this.room.progress.finished(this.item.id);
      this.room.draw();
    } else {
      const note = form.querySelector<HTMLElement>(".missing");
      if (note) note.textContent = w("missing");
    }
  }

  #right(part: Part): Option | undefined {
    return this.#truth?.parts[part].find((one) => one.right);
  }

  async #uncover(): Promise<void> {
    this.#open = true;
    this.room.mode("open");
    this.room.store.setViews(["states", "sockets", "log", "terminal"]);
    this.room.draw();
  }

  brief(): Node[] {
    const { item } = this;
    return [
      head(this.room, item, `${w("level", item.level)} · ${w("minutes", item.minutes)}`),
      ...prose(said(item.story, this.#truth?.values)),
      ...(item.hints.length > 0 && !this.#picked ? [h("details", { class: "twin" }, h("summary", {}, w("hints")),
        h("ul", {}, ...item.hints.map((line) => h("li", {}, h("code", {}, line)))))] : []),
    ];
  }

  render(): Node[] {
    const { item } = this;
    const truth = this.#truth;
    const key = PARTS.map((part) => pick(this.#right(part)?.text ?? ["", ""])).join(" · ");
    return [
      ...(this.#open ? this.brief() : []),
      ...(this.#failure ? [h("p", { class: "bad", role: "alert" }, w("failed", this.#failure))] : []),
      ...(truth === null && !this.#failure ? [waiting()] : []),
      ...(truth ? (this.#picked ? this.#graded(truth, this.#picked) : this.#form(truth)) : []),
      ...(truth && !this.#picked ? [aside(this.room, w("key", key), item.notes)].filter((one) => one !== null) : []),
    ];
  }

  #form(truth: Diagnosed): Node[] {
    const form = h("form", { noValidate: true, onsubmit: (event: Event) => { event.preventDefault(); this.#grade(form); } },
      ...PARTS.map((part, at) => {
        return h("fieldset", { class: "choices" }, h("legend", {}, `${at + 1}. ${w(part)}`),
          ...truth.parts[part].map((one) => h("label", {}, h("input", { type: "radio", name: part, value: one.id }), h("span", {}, ...inline(pick(one.text))))));
      }),
      h("p", { class: "missing bad", role: "alert" }, this.#missing ? w("missing") : ""),
      h("button", { type: "submit", class: "primary" }, w("grade")));
    return [form];
  }

  #graded(truth: Diagnosed, picked: Record<Part, string>): Node[] {
    const score = PARTS.filter((part) => this.#right(part)?.id === picked[part]).length;
    const all = cases();
    const next = all[all.findIndex((one) => one.id === this.item.id) + 1];
    return [
      focused(h("h2", { class: "score" }, w("score", score)), true),
      ...PARTS.map((part) => h("section", { class: "graded", "aria-label": w(part) }, h("h3", {}, w(part)),
        h("ul", {}, ...truth.parts[part].map((one) => h("li", { class: one.right ? "good" : picked[part] === one.id ? "off" : "" },
          h("b", {}, one.right ? "✓ " : "✗ ", ...inline(pick(one.text))), picked[part] === one.id ? h("i", {}, ` (${w("yours")})`) : null,
          ...(one.right ? [] : [" — ", ...inline(pick(one.why))])))))),
      ...prose(said(this.item.explain, truth.values)),
      h("details", { class: "twin" }, h("summary", {}, w("truth")), h("p", { class: "hint" }, w("truthText")),
        h("ol", {}, ...truth.findings.map((found) => h("li", {}, pick(found.what))))),
      ...(this.item.source ? [h("p", { class: "hint" }, w("source", this.item.source))] : []),
      h("div", { class: "row" },
        this.#open ? null : button(w("curtain"), () => void this.#uncover()),
        button(w("anew"), () => void this.#anew()),
        next ? button(w("nextItem", said(next.title)), () => this.room.go(next.id), "primary") : button(w("back"), () => this.room.go(""), "primary")),
    ];
  }
}
