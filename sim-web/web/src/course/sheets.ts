// What is printed: a handout for a seat, and the answers of all seats. Both from the lessons' own data.

import { h } from "../dom";
import { pick } from "../i18n";
import type { Case, Item, Lesson, Plan } from "./data";
import { catalogue, find, workshop } from "./library";
import { type Asked, type Diagnosed, letter, said } from "./model";
import { button, focused, inline, type Page, prose, type Room, waiting } from "./room";
import { w } from "./words";

interface Worked {
  item: Item;
  steps: readonly Asked[];
  truth: Diagnosed | null;
}

const PARTS = ["side", "cause", "remedy"] as const;

export class SheetPage implements Page {
  #seats: Map<number, Worked[]> = new Map();
  #ready = false;
  #failure = "";
  #ended = false;
  readonly #plan: Plan | undefined;

  constructor(readonly room: Room, readonly kind: "handout" | "answers", plan: string) {
    this.#plan = workshop.plans.find((one) => one.id === plan) ?? workshop.plans[0];
  }

  end(): void {
    this.#ended = true;
  }

  async start(): Promise<void> {
    this.room.mode("page");
    this.room.draw();
    try {
      const count = Math.min(60, Math.max(1, Number(sessionStorage.getItem("halfclose.seats") ?? 8)));
      const seats = this.kind === "handout" ? [this.room.seat] : Array.from({ length: count }, (_, at) => at + 1);
      for (const seat of seats) {
        this.#seats.set(seat, await this.#work(seat));
        if (this.#ended) return;
        this.room.draw();
      }
      this.#ready = true;
    } catch (error) {
      this.#failure = (error as Error).message;
    }
    this.room.draw();
  }

  async #work(seat: number): Promise<Worked[]> {
    const { model } = this.room;
    const worked: Worked[] = [];
    for (const item of (this.#plan?.entries ?? []).map((entry) => find(entry.item))) {
      if (item?.kind === "lesson") worked.push({ item, steps: await Promise.all(item.steps.map((step) => model.step(item, step, seat))), truth: null });
      if (item?.kind === "case") worked.push({ item, steps: [], truth: await model.diagnose(item, catalogue, seat) });
    }
    return worked;
  }

  render(): Node[] {
    const { room } = this;
    const title = this.kind === "handout" ? w("handoutFor", room.seat) : w("answerSheet");
    const ready = this.#ready ? "ready" : "";
    return [
      h("div", { class: "row no-print" }, button(`← ${room.instructor ? w("backToInstructor") : w("back")}`, () => room.go(room.instructor ? "instructor" : ""), "link"),
        h("span", { class: "space" }), this.#ready ? button(w("print"), () => window.print(), "primary") : null),
      h("div", { class: `sheet ${this.kind} ${ready}` },
        focused(h("h1", {}, `halfclose · ${said(this.#plan?.title ?? ["", ""])} · ${title}`)),
        ...(this.#failure ? [h("p", { class: "bad", role: "alert" }, w("failed", this.#failure))] : []),
        ...(this.#ready || this.#failure ? [] : [waiting()]),
        ...(this.kind === "handout" ? this.#handout(this.#seats.get(room.seat) ?? []) : [this.#answers()])),
    ];
  }

  #handout(worked: readonly Worked[]): Node[] {
    const parts = worked.map((one) => (one.item.kind === "lesson" ? this.#lesson(one.item, one.steps) : one.truth ? this.#case(one.item, one.truth) : null));
    const exercises = (this.#plan?.entries ?? []).filter((entry) => !entry.item);
    return [h("p", { class: "line" }, w("name")), ...parts.filter((one) => one !== null),
      h("section", {}, h("h2", {}, w("exercises")), ...exercises.map((entry) => h("div", { class: "question" }, h("p", {}, ...inline(said(entry.text))), h("p", { class: "line" }))))];
  }

  #lesson(item: Lesson, steps: readonly Asked[]): HTMLElement {
    return h("section", {}, h("h2", {}, said(item.title)), ...item.steps.map((step, at) => {
      const asked = steps[at];
      return h("div", { class: "question" }, ...prose(said(step.text, asked?.values)), h("h3", {}, ...inline(said(step.ask, asked?.values))),
        h("ol", { class: "boxes" }, ...(asked?.choices ?? []).map((one) => h("li", {}, ...inline(pick(one.text))))),
        h("p", { class: "line" }, w("because")),
        step.knob ? h("p", {}, `${w("knob")}: `, ...inline(said(step.knob.label, asked?.values)), ` (${step.knob.values.join(", ")})`) : null);
    }));
  }

  #case(item: Case, truth: Diagnosed): HTMLElement {
    return h("section", {}, h("h2", {}, said(item.title)), h("div", { class: "question" }, ...prose(said(item.story, truth.values)),
      h("p", {}, `${w("type")} `, ...[...item.type, ...item.hints].flatMap((line, at) => [at > 0 ? " · " : "", h("code", {}, line)])),
      ...PARTS.flatMap((part) => [h("h3", {}, w(part)), h("ol", { class: "boxes" }, ...truth.parts[part].map((one) => h("li", {}, ...inline(pick(one.text)))))])));
  }

  /** One row a question, one column a seat; neighbours differ where the numbers do. */
  #answers(): HTMLElement {
    const seats = [...this.#seats];
    const rows: (string | Node)[][] = [];
    seats[0]?.[1].forEach(({ item, steps }, number) => {
      const of = (seat: number) => seats[seat]?.[1][number];
      if (item.kind === "lesson") {
        steps.forEach((_, at) => rows.push([`${said(item.title)} ${at + 1}`, ...seats.map((__, seat) => {
          const choices = of(seat)?.steps[at]?.choices ?? [];
          const right = choices.findIndex((one) => one.right);
          return right < 0 ? "…" : `${letter(right)}: ${pick(choices[right]?.text ?? ["", ""])}`;
        })]));
      } else {
        PARTS.forEach((part) => rows.push([`${said(item.title)}: ${w(part)}`, ...seats.map((__, seat) => {
          const options = of(seat)?.truth?.parts[part] ?? [];
          const right = options.findIndex((one) => one.right);
          return right < 0 ? "…" : `${letter(right)}: ${pick(options[right]?.text ?? ["", ""])}`;
        })]));
      }
    });
    return h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": w("answerSheet") }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, w("question")), ...seats.map(([seat]) => h("th", { scope: "col" }, `${w("seat")} ${seat}`)))),
      h("tbody", {}, ...rows.map(([first = "", ...rest]) => h("tr", {}, h("th", { scope: "row" }, first), ...rest.map((one) => h("td", {}, ...inline(String(one)))))))));
  }
}
