// A lesson: predict, reveal, explain, change one knob; step by step.

import { h } from "../dom";
import { grouped } from "../format";
import { pick } from "../i18n";
import type { Lesson, Step } from "./data";
import { lessons } from "./library";
import { type Asked, letter, type Reading, said } from "./model";
import { aside, button, focused, head, inline, type Page, prose, type Room, waiting } from "./room";
import { w } from "./words";

export class LessonPage implements Page {
  #at = 0;
  #asked: Asked | null = null;
  #picked: number | null = null;
  #trials: [string, Reading][] = [];
  #busy = false;
  #failure = "";
  #ended = false;

  constructor(readonly room: Room, readonly lesson: Lesson) {}

  async start(): Promise<void> {
    await this.#enter(0);
  }

  end(): void {
    this.#ended = true;
  }

  get #step(): Step {
    return this.lesson.steps[this.#at] as Step;
  }

  async #enter(at: number): Promise<void> {
    this.#at = at;
    this.#asked = null;
    this.#picked = null;
    this.#trials = [];
    this.room.mode("ask");
    this.room.draw();
    await this.#try(async () => {
      const asked = await this.room.model.step(this.lesson, this.#step, this.room.seat);
      if (this.#ended) return;
      await this.room.show(asked.cast, asked.see_ns, this.#step.show);
      this.#asked = asked;
    });
  }

  /** What fails is said on the page. */
  async #try(action: () => Promise<void>): Promise<void> {
    this.#failure = "";
    try {
      await action();
    } catch (error) {
      this.#failure = (error as Error).message;
    }
    this.#busy = false;
    if (!this.#ended) this.room.draw();
  }

  async #reveal(picked: number): Promise<void> {
    const asked = this.#asked;
    const choice = asked?.choices[picked];
    if (!asked || !choice) return;
    this.#picked = picked;
    this.room.progress.answered(this.lesson.id, String(this.#at), choice.text[0], choice.right);
    this.room.mode("open");
    this.room.draw();
    await this.room.store.seek(asked.then_ns);
  }

  async #turn(value: string): Promise<void> {
    this.#busy = true;
    this.room.draw();
    await this.#try(async () => {
      const { cast, reading } = await this.room.model.turned(this.lesson, this.#step, this.room.seat, value);
      if (this.#ended) return;
      this.#trials = [...this.#trials.filter(([one]) => one !== value), [value, reading]];
      if (reading[1] !== null) await this.room.show(cast, reading[1], this.#step.show);
    });
  }

  render(): Node[] {
    const { lesson } = this;
    const step = this.#step;
    const values = this.#asked?.values ?? {};
    const more = `${w("step", this.#at + 1, lesson.steps.length)} · ${said(lesson.goal)}`;
    return [
      head(this.room, lesson, more),
      ...prose(said(step.text, values)),
      ...(this.#failure ? [h("p", { class: "bad", role: "alert" }, w("failed", this.#failure))] : []),
      ...(this.#asked === null && !this.#failure ? [waiting()] : []),
      ...(this.#asked ? (this.#picked === null ? this.#question(this.#asked) : this.#answer(this.#asked, this.#picked)) : []),
    ];
  }

  #question(asked: Asked): Node[] {
    const right = asked.choices.findIndex((one) => one.right);
    const form = h("form", { onsubmit: (event: Event) => {
      event.preventDefault();
      const picked = new FormData(form).get("choice");
      if (picked !== null) void this.#reveal(Number(picked));
    } },
    h("fieldset", { class: "choices" }, h("legend", {}, w("predict")),
      ...asked.choices.map((one, at) => h("label", {}, h("input", { type: "radio", name: "choice", value: String(at), required: true }),
        h("b", {}, letter(at)), h("span", {}, ...inline(pick(one.text)))))),
    h("button", { type: "submit", class: "primary" }, w("reveal")));
    return [
      focused(h("h2", {}, ...inline(said(this.#step.ask, asked.values)))), form,
      ...[aside(this.room, w("key", `${letter(right)}: ${pick(asked.choices[right]?.text ?? ["", ""])}`), this.#step.note, this.#at === 0 ? this.lesson.notes : null)]
        .filter((one) => one !== null),
    ];
  }

  #answer(asked: Asked, at: number): Node[] {
    const picked = asked.choices[at];
    const right = asked.choices.find((one) => one.right);
    if (!picked || !right) return [];
    const others = asked.choices.filter((one) => !one.right);
    const verdict = picked.right ? w("right", pick(right.text)) : w("wrong", pick(picked.text), pick(right.text));
    const last = this.#at + 1 === this.lesson.steps.length;
    const reasons = h("ul", {}, ...others.flatMap((one) => (one.why ? [h("li", {}, h("b", {}, ...inline(pick(one.text))), " — ", ...inline(said(one.why)))] : [])));
    return [
      h("h2", {}, ...inline(said(this.#step.ask, asked.values))),
      focused(h("p", { class: `verdict ${picked.right ? "good" : "off"}`, role: "status" }, picked.right ? "✓ " : "✗ ", ...inline(verdict)), true),
      ...(picked.why ? prose(said(picked.why)) : []),
      ...prose(said(this.#step.explain, asked.values)),
      h("details", { class: "twin" }, h("summary", {}, w("others")), reasons),
      ...this.#knob(asked),
      last ? button(w("finish"), () => this.#finish(), "primary") : button(w("next"), () => void this.#enter(this.#at + 1), "primary"),
    ];
  }

  #knob(asked: Asked): Node[] {
    const { knob, unit } = this.#step;
    if (!knob) return [];
    const value = h("select", { name: "value" }, ...knob.values.map((one) => h("option", { value: one }, one)));
    const tried = this.#trials.length > 0;
    return [h("section", { class: "knob", "aria-label": w("knob") }, h("h3", {}, w("knob")), h("p", {}, ...inline(said(knob.label, asked.values))),
      h("form", { class: "row", onsubmit: (event: Event) => { event.preventDefault(); void this.#turn(value.value); } },
        h("label", { class: "field" }, h("span", {}, w("knobValue")), value),
        h("button", { type: "submit", disabled: this.#busy }, this.#busy ? w("computing") : w("turn"))),
      tried ? h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, w("knobValue")), h("th", { scope: "col" }, w("knobHead")))),
        h("tbody", {}, ...this.#trials.map(([one, [read]]) => h("tr", {}, h("td", {}, one), h("td", { class: "number" }, read === null ? "–" : `${grouped(read)}${pick(unit)}`))))) : null,
      ...(tried ? prose(said(knob.explain, asked.values)) : []))];
  }

  #finish(): void {
    this.room.progress.finished(this.lesson.id);
    const all = lessons();
    const next = all[all.findIndex((one) => one.id === this.lesson.id) + 1];
    const done = Object.values(this.room.progress.of(this.lesson.id).answers);
    this.render = () => [
      head(this.room, this.lesson, said(this.lesson.goal)),
      focused(h("h2", { class: "course-finished" }, w("finished", said(this.lesson.title)))),
      h("p", {}, w("rightOf", done.filter((one) => one.right).length, done.length)),
      h("div", { class: "row" },
        next ? button(w("nextItem", said(next.title)), () => this.room.go(next.id), "primary") : null,
        button(w("again"), () => this.room.go(this.lesson.id))),
    ];
    this.room.draw();
  }
}
