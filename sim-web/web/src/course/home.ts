// The first page of the course: what there is, and how far one is.

import { download, h } from "../dom";
import { type Case, DataError, type Item } from "./data";
import { add, cases, lessons } from "./library";
import { said } from "./model";
import { button, focused, inline, type Page, type Room } from "./room";
import { w } from "./words";

export class HomePage implements Page {
  #problems: string[] = [];
  #file = "";

  constructor(readonly room: Room) {}

  async start(): Promise<void> {
    this.room.mode("page");
    this.room.draw();
  }

  end(): void {}

  render(): Node[] {
    const { room } = this;
    const seat = h("input", { type: "number", min: "0", max: "999", value: String(room.seat), "aria-describedby": "seat-hint",
      onchange: () => { if (/^\d{1,3}$/.test(seat.value)) room.go("", Number(seat.value)); } });
    return [
      h("div", { class: "course-head" }, h("div", { class: "row" }, focused(h("h1", {}, w("course"))), h("span", { class: "space" }),
        button(w("leave"), () => room.leave(), "link")), h("p", {}, w("intro"))),
      h("p", { class: "row" }, h("label", { class: "field" }, h("span", {}, w("seat")), seat), h("span", { class: "hint", id: "seat-hint" }, w("seatHint"))),
      h("h2", {}, w("lessons")), h("ol", { class: "course-list" }, ...lessons().map((item) => this.#entry(item))),
      h("h2", {}, w("cases")), h("p", { class: "hint" }, w("casesIntro")),
      ...[1, 2, 3].flatMap((level) => [h("h3", {}, w("level", level)),
        h("ul", { class: "course-list" }, ...cases().filter((one: Case) => one.level === level).map((item) => this.#entry(item)))]),
      h("h2", {}, w("progress")), h("p", { class: "hint" }, w("progressHint")),
      h("div", { class: "row" },
        button(w("save"), () => download("halfclose-course.json", room.progress.text(), "application/json")),
        this.#chooser(w("load"), ".json", async (file) => {
          const good = room.progress.read(await file.text());
          this.#problems = good ? [] : ["format"];
          this.#file = file.name;
          room.draw();
        }),
        button(w("clear"), () => { room.progress.clear(); room.go(""); room.draw(); })),
      h("div", { class: "row end" },
        this.#chooser(w("own"), ".toml", (file) => this.#own(file)), button(w("instructor"), () => room.go("instructor"))),
      ...(this.#problems.length > 0 ? [h("div", { class: "bad", role: "alert" }, w("ownBad", this.#file), h("ul", {}, ...this.#problems.map((one) => h("li", {}, one))))] : []),
    ];
  }

  #entry(item: Item): HTMLElement {
    const done = this.room.progress.of(item.id);
    const answers = Object.values(done.answers);
    const state = answers.length === 0 ? "" : `${done.finished ? `✓ ${w("doneMark")}, ` : ""}${w("rightOf", answers.filter((one) => one.right).length, answers.length)}`;
    const open = button(said(item.title), () => this.room.go(item.id), "link");
    open.dataset.item = item.id;
    return h("li", {}, open, h("span", { class: "hint" }, ` ${w("minutes", item.minutes)}`),
      item.kind === "lesson" ? h("div", {}, ...inline(said(item.goal))) : null, state ? h("div", { class: "good" }, state) : null);
  }

  /** A button that lets one choose a file. */
  #chooser(label: string, accept: string, chosen: (file: File) => Promise<void>): HTMLElement {
    const input = h("input", { type: "file", accept, class: "visually-hidden", tabIndex: -1, "aria-label": label,
      onchange: () => { if (input.files?.[0]) void chosen(input.files[0]); } });
    return h("span", {}, input, button(label, () => input.click()));
  }

  async #own(file: File): Promise<void> {
    try {
      const item = add(file.name, await file.text());
      this.room.go(item.id);
    } catch (error) {
      this.#file = file.name;
      this.#problems = error instanceof DataError ? [...error.problems] : [(error as Error).message];
      this.room.draw();
    }
  }
}
