// What all views share: they hear of changes while they can be seen, say what they want of each moment, and draw it.

import { h } from "../dom";
import { type Key, t } from "../i18n";
import type { Want } from "../sim/protocol";
import type { Change, Store } from "../store";

let serial = 0;

export abstract class View extends HTMLElement {
  /** The name in links; its title is `view.NAME`. */
  abstract readonly name: string;
  store!: Store;
  readonly uid = `hc${++serial}`;
  protected readonly body = h("div", { class: "view-body" });
  #ends = new AbortController();
  #seen: IntersectionObserver | null = null;
  #visible = false;

  connectedCallback(): void {
    this.#ends = new AbortController();
    this.classList.add("view");
    this.render();
    this.store.listen((change) => this.#hear(change), this.#ends.signal);
    // In sight until the browser says otherwise.
    this.#visible = true;
    this.#seen = new IntersectionObserver((entries) => {
      const visible = entries.some((entry) => entry.isIntersecting);
      if (visible === this.#visible) return;
      this.#visible = visible;
      if (visible) void this.store.refresh();
    });
    this.#seen.observe(this);
    const want = () => (this.#visible || this.always ? this.want() : null);
    this.store.wants.set(this.uid, want);
    this.#ends.signal.addEventListener("abort", () => this.store.wants.delete(this.uid));
    this.update("doc");
    void this.store.refresh();
  }

  disconnectedCallback(): void {
    this.#ends.abort();
    this.#seen?.disconnect();
    this.#visible = false;
  }

  /** Wanted even when it is out of sight. */
  protected readonly always: boolean = false;

  #hear(change: Change): void {
    if (change === "language") this.render();
    if (change === "language" || change === "doc" || change === "follow" || this.#visible || this.always) this.update(change);
  }

  /** Draws the frame of the view anew: at first, and in another language. */
  render(): void {
    const title = h("h2", { id: `${this.uid}-title` }, t(`view.${this.name}` as Key));
    const tools = h("div", { class: "view-tools" }, ...this.tools());
    this.body.replaceChildren(...this.build());
    this.replaceChildren(h("div", { class: "view-head" }, title, tools), this.body);
    this.setAttribute("role", "region");
    this.setAttribute("aria-labelledby", `${this.uid}-title`);
  }

  /** Controls beside the title. */
  protected tools(): Node[] {
    return [];
  }

  /** The content, to be filled by `update`. */
  protected abstract build(): Node[];

  /** What is wanted of each moment. */
  protected want(): Want | null {
    return null;
  }

  /** The answer to what was wanted. */
  protected answer<T>(): T | null {
    const answer = this.store.answers[this.uid];
    return typeof answer === "string" ? (JSON.parse(answer) as T) : ((answer ?? null) as T | null);
  }

  protected abstract update(change: Change): void;

  /** The view as a picture, where it has one. */
  picture(): string | null {
    const svg = this.querySelector<SVGSVGElement>("svg.picture");
    if (!svg) return null;
    const copy = svg.cloneNode(true) as SVGSVGElement;
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    const from = svg.querySelectorAll<SVGElement>("*");
    copy.querySelectorAll<SVGElement>("*").forEach((node, at) => {
      const source = from[at];
      if (!source) return;
      const style = getComputedStyle(source);
      for (const name of ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "font-family", "text-anchor", "opacity"]) {
        node.style.setProperty(name, style.getPropertyValue(name));
      }
    });
    const back = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [key, value] of [["width", "100%"], ["height", "100%"]] as const) back.setAttribute(key, value);
    back.setAttribute("fill", getComputedStyle(document.body).backgroundColor);
    copy.prepend(back);
    return new XMLSerializer().serializeToString(copy);
  }
}

/** A choice among a few. */
export function select(
  label: string, options: readonly (readonly [string, string])[], value: string, onchange: (value: string) => void,
): HTMLLabelElement {
  const list = h("select", { onchange: () => onchange(list.value) },
    ...options.map(([key, text]) => h("option", { value: key }, text)));
  list.value = value;
  return h("label", { class: "field" }, h("span", {}, label), list);
}

/** A box to tick. */
export function tick(label: string, checked: boolean, onchange: (on: boolean) => void): HTMLLabelElement {
  const box = h("input", { type: "checkbox", checked, onchange: () => onchange(box.checked) });
  return h("label", { class: "tick" }, box, label);
}

/** The same as text, for who does not see the picture. */
export function twin(...content: Node[]): HTMLDetailsElement {
  return h("details", { class: "twin" }, h("summary", {}, t("view.twin")), ...content);
}

/** A table with a head. */
export function table(heads: string[], rows: (string | number | Node)[][], caption = ""): HTMLTableElement {
  return h("table", {},
    caption && h("caption", {}, caption),
    h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell) =>
      h("td", typeof cell === "number" ? { class: "number" } : {}, cell instanceof Node ? cell : String(cell)))))));
}
