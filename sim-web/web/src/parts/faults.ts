// What can be broken, now.

import { h, text } from "../dom";
import { type Key, t } from "../i18n";
import type { Change } from "../store";
import { Part } from "./part";

export type Fault = "kill" | "drop" | "partition" | "restart" | "client" | "dns";

export class Faults extends Part {
  #said = h("p", { class: "hint", role: "status" });
  #buttons = h("div", { class: "row" });
  #list = h("ol", { class: "done" });
  #undo = h("button", {});
  #cut = false;
  #stalled = false;

  render(): void {
    this.#said = h("p", { class: "hint", role: "status" });
    this.#buttons = h("div", { class: "row" });
    this.#list = h("ol", { class: "done" });
    this.#undo = h("button", { type: "button", onclick: () => void this.#undoAll() }, t("faults.undo"));
    this.replaceChildren(h("details", { class: "faults" }, h("summary", {}, t("faults.title")), this.#buttons, this.#said, this.#list, this.#undo));
    this.update("doc");
  }

  update(change: Change): void {
    if (change !== "doc") return;
    const acts = this.store.doc.acts;
    this.#cut = acts.some((act) => act.args[0] === "partition" || (act.args[0] === "drop" && act.args[3] === "cut"))
      && acts.at(-1)?.args[0] !== "heal";
    const dns = this.#find("dns");
    this.#stalled = acts.findLast((act) => act.args[0] === "signal" && act.args[1] === String(dns))?.args[2] === "STOP";
    const names: [Fault, Key][] = [
      ["kill", "faults.kill"], ["drop", "faults.drop"], ["partition", this.#cut ? "faults.heal" : "faults.partition"],
      ["restart", "faults.restart"], ["client", "faults.killclient"], ["dns", this.#stalled ? "faults.undns" : "faults.dns"],
    ];
    this.#buttons.replaceChildren(...names.filter(([fault]) => fault !== "dns" || dns >= 0).map(([fault, key]) =>
      h("button", { type: "button", "data-fault": fault, onclick: () => void this.do(fault) }, t(key))));
    this.#list.replaceChildren(...acts.map((act) => h("li", {}, `${(act.at_ns / 1e9).toFixed(6)} s · ${act.args.filter(Boolean).join(" ")}`)));
    this.#undo.hidden = acts.length === 0;
  }

  #find(program: string): number {
    return this.store.loaded?.processes.findIndex((process) => process.program === program) ?? -1;
  }

  #client(): number {
    return this.store.loaded?.processes.findIndex((process) => !["mysqld", "dns", "mysql"].includes(process.program)) ?? -1;
  }

  async do(fault: Fault): Promise<void> {
    const store = this.store;
    try {
      switch (fault) {
        case "kill":
          if (!(await store.killSession())) {
            text(this.#said, t("faults.nosession"));
            return;
          }
          break;
        case "drop":
          await store.act("drop", "", "1", "");
          break;
        case "partition":
          if (this.#cut) await store.act("heal");
          else if ((store.loaded?.hosts.length ?? 1) > 1) await store.act("partition", "0", "1");
          else await store.act("drop", "", "", "cut");
          break;
        case "restart": {
          const server = String(Math.max(0, this.#find("mysqld")));
          await store.act("signal", server, "TERM");
          // It closes its sessions first; nothing can be started that still runs.
          for (let tries = 0; tries < 50 && store.frame?.processes[Number(server)]?.alive; tries++) await store.seek(store.now + 1e8);
          await store.act("start", server);
          break;
        }
        case "client":
          await store.act("signal", String(Math.max(0, this.#client())), "KILL");
          break;
        case "dns": {
          const dns = this.#find("dns");
          if (dns < 0) {
            text(this.#said, t("faults.nodns"));
            return;
          }
          await store.act("signal", String(dns), this.#stalled ? "CONT" : "STOP");
          break;
        }
      }
      const last = store.doc.acts.at(-1);
      const refused = (await store.sim.ask("call", "refusals", store.line)) as string[];
      const why = refused.at(-1);
      text(this.#said, why ? t("faults.failed", why) : t("faults.done", last?.args.filter(Boolean).join(" ") ?? ""));
    } catch (error) {
      text(this.#said, t("faults.failed", (error as Error).message));
    }
  }

  async #undoAll(): Promise<void> {
    const { doc } = this.store;
    await this.store.open({ ...doc, acts: [], fork: null });
  }
}
