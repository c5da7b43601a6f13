// A host's socket table as `ss` has it: filtered, sorted, a part at a time; and what a socket has not read.

import { h, text } from "../dom";
import { grouped, hexdump, span } from "../format";
import { t } from "../i18n";
import { STATES } from "../states";
import type { Want } from "../sim/protocol";
import type { SocketPage, SocketRow, Unread } from "../wire";
import { badge, clientHost } from "./ports";
import { select, View } from "./view";

const PAGE = 25;
const COLUMNS = ["state", "recv_q", "send_q", "local", "remote", "owner", "timer"] as const;
const HEADS = ["sockets.state", "sockets.recvq", "sockets.sendq", "sockets.local", "sockets.remote", "sockets.owner", "sockets.timer"] as const;

export class SocketsView extends View {
  readonly name = "sockets";
  #host = 0;
  #filter = "";
  #sort: (typeof COLUMNS)[number] = "recv_q";
  #down = true;
  #offset = 0;
  #shown = h("p", { class: "hint", role: "status" });
  #rows = h("tbody", {});
  #heads = h("tr", {});
  #detail = h("div", { class: "detail" });
  #less = h("button", { type: "button" });
  #more = h("button", { type: "button" });
  #where = h("span", {});
  #ends = new AbortController();

  override connectedCallback(): void {
    super.connectedCallback();
    this.#ends = new AbortController();
    document.addEventListener("hc-filter", (event) => {
      this.#filter = String((event as CustomEvent).detail ?? "");
      this.#offset = 0;
      this.render();
      this.scrollIntoView({ block: "nearest" });
      void this.store.refresh();
    }, { signal: this.#ends.signal });
  }

  override disconnectedCallback(): void {
    this.#ends.abort();
    super.disconnectedCallback();
  }

  protected override tools(): Node[] {
    const hosts = this.store.loaded?.hosts ?? [];
    return hosts.length > 1 ? [select(t("view.host"), hosts.map((host, at) => [String(at), host.name]), String(this.#host), (value) => {
      this.#host = Number(value);
      this.#offset = 0;
      void this.store.refresh();
    })] : [];
  }

  protected build(): Node[] {
    const filter = h("input", {
      type: "search", value: this.#filter, placeholder: t("sockets.placeholder"), spellcheck: false, autocomplete: "off",
      oninput: () => { this.#filter = filter.value; this.#offset = 0; void this.store.refresh(); },
    });
    this.#shown = h("p", { class: "hint", role: "status" });
    this.#rows = h("tbody", {});
    this.#heads = h("tr", {});
    this.#detail = h("div", { class: "detail" });
    this.#less = h("button", { type: "button", onclick: () => this.#turn(-PAGE), "aria-label": t("sockets.less") }, "‹");
    this.#more = h("button", { type: "button", onclick: () => this.#turn(PAGE), "aria-label": t("sockets.more") }, "›");
    this.#where = h("span", {});
    this.#drawHeads();
    return [
      h("label", { class: "field wide" }, h("span", {}, t("sockets.filter")), filter), this.#shown,
      h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("view.sockets") },
        h("table", { class: "sockets" }, h("thead", {}, this.#heads), this.#rows)),
      h("div", { class: "pager" }, this.#less, this.#where, this.#more), this.#detail,
    ];
  }

  #drawHeads(): void {
    this.#heads.replaceChildren(...COLUMNS.map((column, at) => h("th", {
      scope: "col", "aria-sort": column === this.#sort ? (this.#down ? "descending" : "ascending") : undefined,
    }, h("button", {
      type: "button", class: "head", onclick: () => {
        this.#down = this.#sort === column && !this.#down;
        this.#sort = column;
        this.#offset = 0;
        this.#drawHeads();
        this.#heads.querySelectorAll("button")[at]?.focus();
        void this.store.refresh();
      },
    }, t(HEADS[at] ?? "sockets.state"), column === this.#sort ? (this.#down ? " ↓" : " ↑") : ""))));
  }

  #turn(by: number): void {
    this.#offset = Math.max(0, this.#offset + by);
    void this.store.refresh();
  }

  protected override want(): Want {
    return { method: "sockets", args: [this.#host, this.#filter, this.#sort, this.#down, this.#offset, PAGE] };
  }

  protected update(change = ""): void {
    if (change === "doc") {
      this.#host = Math.min(clientHost(this.store.loaded), (this.store.loaded?.hosts.length ?? 1) - 1);
      this.render();
    }
    if (change === "progress" || change === "clock") return;
    const page = this.answer<SocketPage>();
    if (!page) return;
    text(this.#shown, t("sockets.shown", grouped(page.matching), grouped(page.total)));
    const followed = this.store.followed;
    const focused = this.#rows.contains(document.activeElement) ? document.activeElement?.getAttribute("data-key") : null;
    this.#rows.replaceChildren(...page.rows.map((row) => this.#row(row, followed)));
    if (focused) this.#rows.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    const last = Math.min(this.#offset + PAGE, page.matching);
    text(this.#where, t("sockets.range", page.matching === 0 ? 0 : this.#offset + 1, last));
    this.#less.disabled = this.#offset === 0;
    this.#more.disabled = last >= page.matching;
    if (followed) void this.#unread();
    else this.#detail.replaceChildren();
  }

  #row(row: SocketRow, followed: { local: string; remote: string } | null): HTMLTableRowElement {
    const is = followed?.local === row.local && followed.remote === row.remote;
    const key = `${row.local} ${row.remote}`;
    const connection = row.remote !== "*";
    return h("tr", { class: is ? "followed" : "" },
      h("td", {}, badge(row.state), STATES[row.state] ?? ""),
      h("td", { class: "number" }, row.recv_q), h("td", { class: "number" }, row.send_q),
      h("td", {}, connection ? h("button", {
        type: "button", class: "link", "data-key": key, "aria-pressed": is ? "true" : "false",
        "aria-label": t("sockets.follow", `${row.local} ${row.remote}`),
        onclick: () => this.store.follow(is ? null : { host: this.#host, local: row.local, remote: row.remote }),
      }, row.local) : row.local),
      h("td", {}, row.remote),
      h("td", {}, row.owner ? `${row.owner[0]}, ${row.owner[1]}` : "–"),
      h("td", {}, row.timer ? `${row.timer[0]} ${span(row.timer[1])}` : "–"));
  }

  async #unread(): Promise<void> {
    const followed = this.store.followed;
    if (!followed) return;
    const line = Math.min(this.store.line, this.store.frames.length - 1);
    const unread = await this.store.sim.json<Unread>("unread", line, followed.host, followed.local, followed.remote);
    if (this.store.followed !== followed) return;
    this.#detail.replaceChildren(h("h3", {}, `${followed.local} ↔ ${followed.remote}`), ...(unread.bytes.length > 0 ? [
      h("p", {}, t("sockets.unread", unread.bytes.length), unread.fin ? ` ${t("sockets.fin")}` : ""),
      h("pre", { class: "hex", tabindex: 0 }, hexdump(unread.bytes)),
    ] : [h("p", { class: "hint" }, t("sockets.nounread"))]));
  }
}
