// Taking it along: a link, an element for another page, the program's command line, files.

import { download, h, text } from "../dom";
import { moment } from "../format";
import { t } from "../i18n";
import type { Store } from "../store";
import { clientHost } from "../views/ports";
import type { View } from "../views/view";

/** Charts as the program draws them. */
const CHARTS = ["sockets", "ports", "connect-cost", "connect-rate", "descriptors", "server"];
/** Packets of the last so many nanoseconds are taken along. */
const CAPTURED_NS = 20e9;

declare const __SINGLE__: boolean;

export class Share extends HTMLElement {
  store!: Store;
  readonly #dialog = h("dialog", { class: "dialog" });

  connectedCallback(): void {
    this.replaceChildren(this.#dialog);
  }

  async open(): Promise<void> {
    const hash = await this.store.link();
    const link = `${location.href.split("#")[0]}#${hash}`;
    const { doc } = this.store;
    const element = `<half-close scenario="${doc.preset}" at="${moment(doc.at_ns)}" views="${doc.views.join(",")}"></half-close>`;
    const field = (label: string, value: string) => {
      const input = h("input", { type: "text", readOnly: true, value, "aria-label": label });
      const done = h("span", { role: "status", class: "hint" });
      return h("div", { class: "copy" }, h("span", {}, label), h("div", { class: "row" }, input, h("button", {
        type: "button", onclick: async () => {
          await copy(value, input);
          text(done, t("share.copied"));
        },
      }, t("share.copy")), done));
    };
    const save = (label: string, action: () => Promise<void> | void) => h("button", { type: "button", onclick: () => void action() }, label);
    this.#dialog.replaceChildren(
      h("h2", {}, t("share.open")),
      field(t("share.link"), link), field(t("share.embed"), element), field(t("share.command"), `halfclose web '${hash}'`),
      h("h3", {}, t("share.export")),
      h("div", { class: "row" },
        save(t("share.scenario"), async () => download(`${doc.preset}.toml`, await this.store.scenario(), "application/toml")),
        save(t("share.pcapng"), async () => {
          await this.store.needTools();
          const from = Math.max(0, this.store.now - CAPTURED_NS);
          const host = clientHost(this.store.loaded);
          const bytes = (await this.store.sim.ask("call", "pcapng", this.store.line, host, from, this.store.now)) as Uint8Array<ArrayBuffer>;
          download(`${doc.preset}.pcapng`, bytes, "application/x-pcapng");
        }),
        ...[...document.querySelectorAll<View>(".view")].flatMap((view) => {
          const picture = view.picture?.();
          return picture ? [save(`SVG: ${view.querySelector("h2")?.textContent ?? ""}`, () => download(`${doc.preset}-${view.name}.svg`, picture, "image/svg+xml"))] : [];
        }),
        ...CHARTS.map((name) => save(`SVG: ${name}`, async () => {
          await this.store.needTools();
          const svg = (await this.store.sim.ask("call", "picture", this.store.line, name, this.store.now)) as string;
          download(`${doc.preset}-${name}.svg`, svg, "image/svg+xml");
        })),
        __SINGLE__ ? null : h("a", { href: "halfclose.html", download: "halfclose.html", class: "button" }, t("share.single"))),
      h("form", { method: "dialog", class: "row end" }, h("button", { class: "primary" }, t("close"))));
    this.#dialog.showModal();
  }

  /** Copies the link without asking. */
  async quick(): Promise<string> {
    const link = `${location.href.split("#")[0]}#${await this.store.link()}`;
    await copy(link, null);
    return link;
  }
}

async function copy(value: string, input: HTMLInputElement | null): Promise<void> {
  try {
    await navigator.clipboard.writeText(value);
  } catch {
    // Without permission the old way still works on a selected field.
    input?.select();
    document.execCommand("copy");
  }
}
