// The scenario's text, to be changed in place; what is wrong is shown where it stands.

import { h } from "../dom";
import { pick, t } from "../i18n";
import type { Reading } from "../wire";
import { View } from "./view";

export class ScenarioView extends View {
  readonly name = "scenario";
  #area = h("textarea", {});
  #lines = h("div", { class: "lines", "aria-hidden": "true" });
  #problems = h("div", { class: "problems" });
  #state = h("p", { class: "hint", role: "status" });
  #apply = h("button", {});
  #timer = 0;
  #loadedFor = "";

  protected build(): Node[] {
    const before = this.#area.value;
    this.#area = h("textarea", {
      id: `${this.uid}-text`, spellcheck: false, autocomplete: "off", wrap: "off", rows: 22, value: before,
      "aria-describedby": `${this.uid}-state`,
      oninput: () => this.#changed(), onscroll: () => { this.#lines.scrollTop = this.#area.scrollTop; },
      onkeydown: (event: KeyboardEvent) => event.stopPropagation(),
    });
    this.#area.value = before;
    this.#lines = h("div", { class: "lines", "aria-hidden": "true" });
    this.#problems = h("div", { class: "problems" });
    this.#state = h("p", { class: "hint", role: "status", id: `${this.uid}-state` });
    this.#apply = h("button", { type: "button", class: "primary", onclick: () => void this.#run() }, t("scenario.apply"));
    return [
      h("p", { class: "hint" }, t("scenario.hint")),
      h("label", { for: `${this.uid}-text`, class: "visually-hidden" }, t("scenario.text")),
      h("div", { class: "editor" }, this.#lines, this.#area), this.#state, this.#problems,
      h("div", { class: "row" }, this.#apply, h("button", { type: "button", onclick: () => void this.#reset() }, t("scenario.reset"))),
    ];
  }

  protected update(change = ""): void {
    const doc = this.store.doc;
    if (change === "doc" || change === "language") {
      const key = `${doc.preset} ${doc.text?.length ?? 0}`;
      if (key !== this.#loadedFor || this.#area.value === "") void this.#fill();
      this.#loadedFor = key;
      if (change === "language") void this.#check();
    }
  }

  async #fill(): Promise<void> {
    this.#state.textContent = t("scenario.loading");
    const text = this.store.doc.text ?? ((await this.store.sim.ask("presetText", this.store.doc.preset)) as string);
    this.#area.value = text;
    await this.#check();
  }

  #changed(): void {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#check(), 250);
  }

  async #check(): Promise<boolean> {
    const text = this.#area.value;
    const reading = JSON.parse((await this.store.sim.ask("check", text, "")) as string) as Reading;
    if (text !== this.#area.value) return false;
    const wrong = new Set(reading.problems.map((problem) => problem.line));
    this.#lines.replaceChildren(...text.split("\n").map((_, at) => h("span", { class: wrong.has(at + 1) ? "bad" : "" }, `${wrong.has(at + 1) ? "▸" : ""}${at + 1}`)));
    this.#lines.scrollTop = this.#area.scrollTop;
    this.#area.setAttribute("aria-invalid", String(reading.problems.length > 0));
    this.#apply.disabled = reading.problems.length > 0;
    this.#state.textContent = reading.problems.length === 0 ? t("scenario.ok") : t("scenario.problems", reading.problems.length);
    this.#problems.replaceChildren(...reading.problems.map((problem) => h("p", { class: "problem" },
      h("button", {
        type: "button", class: "link", onclick: () => {
          this.#area.focus();
          this.#area.setSelectionRange(problem.start, Math.max(problem.end, problem.start));
          this.#area.scrollTop = Math.max(0, (problem.line - 6) * 18);
        },
      }, t("scenario.place", problem.line, problem.column)), " ", pick(problem.text),
      problem.hint ? h("small", {}, ` ${pick(problem.hint)}`) : null)));
    return reading.problems.length === 0;
  }

  async #run(): Promise<void> {
    if (!(await this.#check())) return;
    const doc = this.store.doc;
    const own = (await this.store.sim.ask("presetText", doc.preset)) as string;
    const text = this.#area.value === own ? null : this.#area.value;
    this.#loadedFor = `${doc.preset} ${text?.length ?? 0}`;
    await this.store.open({ preset: doc.preset, text, seed: doc.seed, views: doc.views });
  }

  async #reset(): Promise<void> {
    this.#area.value = (await this.store.sim.ask("presetText", this.store.doc.preset)) as string;
    await this.#run();
  }
}
