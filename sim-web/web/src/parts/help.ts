// The keys, and the switch that turns single ones off.

import { h } from "../dom";
import { t } from "../i18n";
import { BINDINGS } from "../keys";
import { tick } from "../views/view";

export class Help extends HTMLElement {
  readonly #dialog = h("dialog", { class: "dialog" });

  connectedCallback(): void {
    this.replaceChildren(this.#dialog);
  }

  /** Whether single-character shortcuts work. */
  static get singles(): boolean {
    return remembered("singles") !== "off";
  }

  open(): void {
    this.#dialog.replaceChildren(
      h("h2", {}, t("help.title")), h("p", { class: "hint" }, t("help.intro")),
      h("table", { class: "keys" }, h("tbody", {}, ...BINDINGS.map((binding) =>
        h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, binding.shown)), h("td", {}, t(binding.label)))))),
      tick(t("help.singlekeys"), Help.singles, (on) => remember("singles", on ? "on" : "off")),
      h("form", { method: "dialog", class: "row end" }, h("button", { class: "primary" }, t("help.close"))));
    this.#dialog.showModal();
  }
}

/** A setting of this browser; null where it keeps none. */
export function remembered(name: string): string | null {
  try {
    return localStorage.getItem(`halfclose.${name}`);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(`halfclose.${name}`, value);
  } catch {
    // Then it holds until the page is left.
  }
}
