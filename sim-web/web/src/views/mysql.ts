// The server's door: its slots and who is in them, and the process list.

import { h } from "../dom";
import { grouped } from "../format";
import { t } from "../i18n";
import type { Want } from "../sim/protocol";
import type { Processlist } from "../wire";
import { View } from "./view";

export class MysqlView extends View {
  readonly name = "mysql";
  #content = h("div", {});

  protected build(): Node[] {
    this.#content = h("div", {});
    return [this.#content];
  }

  #server(): number {
    return this.store.loaded?.processes.findIndex((process) => process.program === "mysqld") ?? -1;
  }

  protected override want(): Want | null {
    const server = this.#server();
    return server < 0 ? null : { method: "processlist", args: [server] };
  }

  protected update(change = ""): void {
    if (change === "progress" || change === "clock") return;
    const server = this.#server();
    const numbers = this.store.frame?.processes[server]?.mysql;
    if (!numbers) {
      this.#content.replaceChildren(h("p", { class: "hint" }, t("mysql.none")));
      return;
    }
    const list = this.answer<Processlist>();
    const rows = list?.rows ?? [];
    const sessions = rows.filter((row) => row.user !== "event_scheduler");
    const waiting = sessions.filter((row) => row.user === "unauthenticated user").length;
    const total = numbers.max_connections + 1;
    const taken = Math.min(numbers.threads_connected, total);
    const inside = Math.max(0, taken - waiting);
    const slots = h("div", { class: "slots", "aria-hidden": "true" });
    for (let at = 0; at < Math.min(total, 400); at++) {
      slots.append(h("span", { class: at < inside ? "in" : at < taken ? "waiting" : "free" }, at < inside ? "●" : at < taken ? "?" : ""));
    }
    const focused = this.contains(document.activeElement) ? document.activeElement?.getAttribute("data-id") : null;
    this.#content.replaceChildren(
      h("p", { class: "legend" }, t("mysql.slots", grouped(taken), grouped(total))), slots,
      h("p", { class: "legend" },
        h("span", { class: "chip" }, h("span", { class: "slot in" }, "●"), `${t("mysql.in")} ${inside}`),
        h("span", { class: "chip" }, h("span", { class: "slot waiting" }, "?"), `${t("mysql.waiting", numbers.connect_timeout)} ${waiting}`),
        h("span", { class: "chip" }, h("span", { class: "slot free" }), `${t("mysql.free")} ${Math.max(0, total - taken)}`)),
      h("dl", { class: "numbers" }, ...[["mysql.refused", numbers.refused], ["mysql.aborted", numbers.aborted], ["mysql.connections", numbers.connections]]
        .flatMap(([key, value]) => [h("dt", {}, t(key as "mysql.refused")), h("dd", {}, grouped(Number(value)))])),
      h("p", { class: "hint" }, t("mysql.rows", list?.total ?? 0)),
      h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "SHOW PROCESSLIST" }, h("table", { class: "processlist" },
        h("thead", {}, h("tr", {}, ...["Id", "User", "Host", "Command", "Time", "State"].map((head) => h("th", { scope: "col" }, head)), h("td", {}))),
        h("tbody", {}, ...rows.slice(0, 60).map((row) => h("tr", {},
          h("td", { class: "number" }, row.id), h("td", {}, row.user), h("td", {}, row.host), h("td", {}, row.command),
          h("td", { class: "number" }, row.time), h("td", {}, row.info || row.state),
          h("td", {}, row.user === "event_scheduler" ? "" : h("button", {
            type: "button", class: "small", "data-id": row.id, "aria-label": t("mysql.killrow", row.id),
            onclick: () => void this.store.act("kill-session", String(server), String(row.id)),
          }, "KILL"))))))));
    if (focused) this.#content.querySelector<HTMLElement>(`[data-id="${focused}"]`)?.focus();
  }
}
