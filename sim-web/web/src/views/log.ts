// What happened, in plain words, newest first; alike neighbours are told once.

import { h } from "../dom";
import { clock, grouped } from "../format";
import { type Key, t } from "../i18n";
import { sentence } from "../sentences";
import type { Want } from "../sim/protocol";
import type { Entry } from "../wire";
import { tick, View } from "./view";

const CLASSES = ["state", "call", "other", "segment"] as const;
const SHOWN = 80;

export class LogView extends View {
  readonly name = "log";
  #classes = new Set<string>(["state", "call", "other"]);
  #list = h("ol", { class: "log" });

  protected build(): Node[] {
    this.#list = h("ol", { class: "log", tabindex: 0, "aria-label": t("view.log") });
    return [
      h("fieldset", { class: "ticks" }, h("legend", {}, t("log.show")), ...CLASSES.map((name) =>
        tick(t(`log.${name}` as Key), this.#classes.has(name), (on) => {
          if (on) this.#classes.add(name);
          else this.#classes.delete(name);
          void this.store.refresh();
        }))),
      this.#list,
    ];
  }

  protected override want(): Want {
    return { method: "log", args: [[...this.#classes].join(" "), SHOWN] };
  }

  protected update(change = ""): void {
    if (change === "progress" || change === "clock") return;
    const entries = this.answer<Entry[]>();
    if (!entries) return;
    const items = entries.toReversed().slice(0, SHOWN);
    this.#list.replaceChildren(...items.map((entry) => h("li", { class: `entry ${entry.kind}${/^E[A-Z]/.test(entry.why) ? " bad" : ""}` },
      h("time", {}, clock(entry.at_ns)), h("span", {}, sentence(entry, this.store.loaded),
        entry.times > 1 ? h("em", {}, ` · ${t("log.repeat", grouped(entry.times))}`) : null))));
    if (items.length === 0) this.#list.replaceChildren(h("li", { class: "hint" }, t("view.none")));
  }
}
