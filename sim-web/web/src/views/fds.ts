// Descriptors and ports against their limits: which wall comes next.

import { h, text } from "../dom";
import { grouped } from "../format";
import { t } from "../i18n";
import { STATES } from "../states";
import type { Want } from "../sim/protocol";
import type { FdPage } from "../wire";
import { badge, clientHost } from "./ports";
import { select, View } from "./view";

const PAGE = 16;

export class FdsView extends View {
  readonly name = "fds";
  #process = 0;
  #offset = 0;
  #bars = h("div", { class: "bars" });
  #rows = h("tbody", {});
  #where = h("span", {});
  #less = h("button", { type: "button" });
  #more = h("button", { type: "button" });

  protected override tools(): Node[] {
    const processes = this.store.loaded?.processes ?? [];
    return [select(t("fds.process"), processes.map((process, at) => [String(at), process.name]), String(this.#process), (value) => {
      this.#process = Number(value);
      this.#offset = 0;
      void this.store.refresh();
    })];
  }

  protected build(): Node[] {
    this.#bars = h("div", { class: "bars" });
    this.#rows = h("tbody", {});
    this.#where = h("span", {});
    this.#less = h("button", { type: "button", "aria-label": t("sockets.less"), onclick: () => this.#turn(-PAGE) }, "‹");
    this.#more = h("button", { type: "button", "aria-label": t("sockets.more"), onclick: () => this.#turn(PAGE) }, "›");
    return [this.#bars,
      h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("view.fds") },
        h("table", { class: "fds" }, h("thead", {}, h("tr", {},
          ...[t("fds.fd"), t("fds.what"), t("fds.state")].map((head) => h("th", { scope: "col" }, head)))), this.#rows)),
      h("div", { class: "pager" }, this.#less, this.#where, this.#more)];
  }

  #turn(by: number): void {
    this.#offset = Math.max(0, this.#offset + by);
    void this.store.refresh();
  }

  protected override want(): Want {
    return { method: "descriptors", args: [this.#process, this.#offset, PAGE] };
  }

  protected update(change = ""): void {
    if (change === "doc") {
      const loaded = this.store.loaded;
      this.#process = Math.max(0, loaded?.processes.findIndex((one) => !["mysqld", "dns", "mysql"].includes(one.program)) ?? 0);
      this.#offset = 0;
      this.render();
    }
    const loaded = this.store.loaded;
    const frame = this.store.frame;
    const process = frame?.processes[this.#process];
    const host = frame?.hosts[loaded?.processes[this.#process]?.host ?? clientHost(loaded)];
    if (!process || !host || change === "progress" || change === "clock") return;
    const [soft, hard] = process.nofile;
    const ports = host.range[1] - host.range[0] + 1;
    this.#bars.replaceChildren(
      bar(t("fds.limit"), process.fds, soft, t("fds.hard", grouped(hard))),
      bar(t("fds.ports"), host.ports_used, ports),
      bar(t("fds.host"), host.files[0], host.files[1]),
      process.alive ? "" : h("p", { class: "hint" }, t("fds.ended")));
    const page = this.answer<FdPage>();
    if (!page) return;
    this.#rows.replaceChildren(...page.rows.map((row) => h("tr", {}, h("td", { class: "number" }, row.fd), h("td", {}, row.what),
      h("td", {}, ...(row.state === null ? ["–"] : [badge(row.state), STATES[row.state] ?? ""])))));
    const last = Math.min(this.#offset + PAGE, page.total);
    text(this.#where, t("sockets.range", page.total === 0 ? 0 : this.#offset + 1, `${last} / ${grouped(page.total)}`));
    this.#less.disabled = this.#offset === 0;
    this.#more.disabled = last >= page.total;
  }
}

/** How much of a limit is used. */
export function bar(label: string, value: number, limit: number, note = ""): HTMLElement {
  const share = limit > 0 ? Math.min(1, value / limit) : 0;
  return h("div", { class: `bar${share >= 1 ? " full" : share > 0.8 ? " near" : ""}` },
    h("div", { class: "barhead" }, h("span", {}, label), h("b", {}, t("fds.open", grouped(value), grouped(limit))), share >= 1 ? h("em", {}, "■") : null),
    h("div", { class: "track", role: "meter", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": limit, "aria-valuenow": Math.min(value, limit) },
      h("div", { class: "level", style: `width:${(share * 100).toFixed(2)}%` })),
    note && h("small", {}, note));
}
