// For who leads a course: plans with timings and a clock, notes, the answers for each seat, things to print.

import { h } from "../dom";
import type { Plan } from "./data";
import { find, workshop } from "./library";
import { said } from "./model";
import { button, focused, inline, type Page, prose, type Room } from "./room";
import { w } from "./words";

const clockText = (seconds: number) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

export class InstructorPage implements Page {
  #wrong = false;
  #ticking = 0;
  #began = 0;
  #running: Plan | null = null;
  #elapsed = h("output", { class: "course-clock" });

  #checked = h("p", { class: "checked", role: "status" });

  constructor(readonly room: Room) {}

  async start(): Promise<void> {
    this.room.mode("page");
    this.room.draw();
  }

  end(): void {
    clearInterval(this.#ticking);
  }

  render(): Node[] {
    const top = h("div", { class: "course-head" }, button(`← ${w("back")}`, () => this.room.go(""), "link"), focused(h("h1", {}, w("instructor"))));
    return this.room.instructor ? [top, ...this.#unlocked()] : [top, this.#gate()];
  }

  #gate(): HTMLElement {
    const word = h("input", { type: "text", autocomplete: "off", spellcheck: false, "aria-describedby": "code-hint" });
    return h("form", { onsubmit: (event: Event) => {
      event.preventDefault();
      this.#wrong = word.value.trim() !== workshop.codeWord;
      if (!this.#wrong) this.room.instructor = true;
      this.room.draw();
    } },
    h("p", { class: "hint", id: "code-hint" }, w("codeHint")),
    h("div", { class: "row" }, h("label", { class: "field" }, h("span", {}, w("code")), word), h("button", { type: "submit", class: "primary" }, w("unlock"))),
    this.#wrong ? h("p", { class: "bad", role: "alert" }, w("codeWrong")) : null);
  }

  #unlocked(): Node[] {
    return [
      h("div", { class: "row" },
        button(w("presenter"), () => { document.documentElement.classList.toggle("presenter"); }),
        button(w("lock"), () => { this.room.instructor = false; this.room.draw(); })),
      h("div", { class: "row" }, button(w("check", this.room.seat), () => void this.#check())), this.#checked,
      this.#elapsed,
      ...workshop.plans.flatMap((plan) => this.#plan(plan)),
    ];
  }

  /** For who has written a lesson: does every question have exactly one right answer? */
  async #check(): Promise<void> {
    this.#checked.textContent = w("computing");
    const problems = await this.room.check(this.room.seat);
    this.#checked.textContent = problems.length === 0 ? w("checked") : problems.join("\n");
  }

  #plan(plan: Plan): Node[] {
    let from = 0;
    const sum = plan.entries.reduce((all, entry) => all + entry.minutes, 0);
    const rows = plan.entries.map((entry) => {
      const item = find(entry.item);
      const row = h("tr", { "data-from": String(from) }, h("td", { class: "number" }, clockText(from * 60)), h("td", { class: "number" }, w("minutes", entry.minutes)),
        h("td", {}, item ? button(said(item.title), () => this.room.go(item.id), "link") : null, item ? " — " : "", ...inline(said(entry.text)),
          item ? h("details", {}, h("summary", {}, w("notes")), ...prose(said(item.notes))) : null));
      from += entry.minutes;
      return row;
    });
    const seats = h("input", { type: "number", min: "1", max: "60", value: "8" });
    const running = this.#running === plan;
    return [
      h("section", { class: "plan", "data-plan": plan.id }, h("h2", {}, `${w("plan")}: ${said(plan.title)}`), h("p", { class: "hint" }, w("planSum", sum, plan.minutes)),
        h("div", { class: "row" },
          button(running ? w("stop") : w("start"), () => this.#clock(running ? null : plan)),
          button(w("handout"), () => this.room.go(`handout-${plan.id}`)),
          h("label", { class: "field" }, h("span", {}, w("seats")), seats),
          button(w("answerSheet"), () => { sessionStorage.setItem("halfclose.seats", seats.value); this.room.go(`answers-${plan.id}`); })),
        h("table", {}, h("thead", {}, h("tr", {}, ...(["from", "takes", "what"] as const).map((one) => h("th", { scope: "col" }, w(one))))), h("tbody", {}, ...rows))),
    ];
  }

  #clock(plan: Plan | null): void {
    clearInterval(this.#ticking);
    this.#running = plan;
    this.#began = performance.now();
    this.#elapsed.textContent = "";
    this.room.draw();
    if (!plan) return;
    const tick = () => {
      const seconds = (performance.now() - this.#began) / 1e3;
      let from = 0;
      const now = plan.entries.find((entry) => (from += entry.minutes) * 60 > seconds);
      this.#elapsed.textContent = w("elapsed", clockText(seconds), clockText(plan.minutes * 60),
        now ? `${said(find(now.item)?.title ?? ["", ""])} ${said(now.text)}`.trim() : w("over"));
    };
    tick();
    this.#ticking = window.setInterval(tick, 1_000);
  }
}
