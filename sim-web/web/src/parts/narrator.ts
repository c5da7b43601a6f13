// Tells screen readers what happened last: at each step, and now and then while time runs.

import { h, text } from "../dom";
import { clock } from "../format";
import { sentence } from "../sentences";
import type { Change } from "../store";
import type { Entry } from "../wire";
import { Part } from "./part";

/** Not more often while time runs, in milliseconds. */
const PAUSE = 2_500;

export class Narrator extends Part {
  readonly #said = h("p", { class: "visually-hidden", "aria-live": "polite", "data-narration": "" });
  #last = -1;
  #at = 0;

  render(): void {
    this.replaceChildren(this.#said);
    this.store.wants.set("narrator", () => ({ method: "log", args: ["state call other", 1] }));
  }

  update(change: Change): void {
    if (change !== "moment") return;
    const answer = this.store.answers.narrator;
    const entry = typeof answer === "string" ? (JSON.parse(answer) as Entry[])[0] : undefined;
    if (!entry || entry.seq === this.#last) return;
    if (this.store.playing && performance.now() - this.#at < PAUSE) return;
    this.#at = performance.now();
    this.#last = entry.seq;
    text(this.#said, `${clock(entry.at_ns, 3)}: ${sentence(entry, this.store.loaded)}`);
  }
}
