// What happened, in plain words, newest first; alike neighbours are told once.

import { h } from "../dom";
import { clock } from "../format";
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
    return { method: "log", args: [[...this.#classes].join(" "), 160] };
  }

  protected update(change = ""): void {
    if (change === "progress" || change === "clock") return;
    const entries = this.answer<Entry[]>();
    if (!entries) return;
    const items: { entry: Entry; times: number; what: string }[] = [];
    for (const entry of entries.toReversed()) {
      const last = items.at(-1);
      const what = alike(entry);
      if (last && last.what === what) last.times++;
      else items.push({ entry, times: 1, what });
    }
    this.#list.replaceChildren(...items.slice(0, SHOWN).map(({ entry, times }) => h("li", { class: `entry ${entry.kind}${entry.why.startsWith("E") && entry.kind !== "action" ? " bad" : ""}` },
      h("time", {}, clock(entry.at_ns)), h("span", {}, sentence(entry, this.store.loaded),
        times > 1 ? h("em", {}, ` · ${t("log.repeat", times)}`) : null))));
    if (items.length === 0) this.#list.replaceChildren(h("li", { class: "hint" }, t("view.none")));
  }
}

/** Entries with the same are one line. */
function alike(entry: Entry): string {
  return entry.kind === "call" ? `call ${entry.host} ${entry.what} ${entry.why}`
    : entry.kind === "pick" && entry.why ? `vain ${entry.host} ${entry.remote}` : `${entry.seq}`;
}
