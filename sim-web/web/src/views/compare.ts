// Two timelines: the same up to a moment, one knob apart from there.

import { h, text } from "../dom";
import { clock, grouped } from "../format";
import { type Key, t } from "../i18n";
import { sentence } from "../sentences";
import { CLOSE_WAIT, ESTABLISHED, FIN_WAIT_2, TIME_WAIT } from "../states";
import type { Entry, Frame, Parting } from "../wire";
import { clientHost } from "./ports";
import { select, table, View } from "./view";

/** Knobs that can be turned while the world runs: arguments of `act`, with `?` for the value. */
const KNOBS: readonly { key: string; value: string; what: (value: string, ends: Ends) => [string, string, string, string] | null }[] = [
  { key: "max_connections", value: "10", what: (value, { server }) => server < 0 ? null : ["set-global", String(server), "max_connections", value] },
  { key: "connect_timeout", value: "2", what: (value, { server }) => server < 0 ? null : ["set-global", String(server), "connect_timeout", value] },
  { key: "nofile", value: "64", what: (value, { client }) => ["prlimit", String(client), value, "65536"] },
  { key: "range", value: "40000 40007", what: (value, { host }) => ["sysctl", String(host), "net.ipv4.ip_local_port_range", value] },
  { key: "tw_reuse", value: "1", what: (value, { host }) => ["sysctl", String(host), "net.ipv4.tcp_tw_reuse", value] },
  { key: "filemax", value: "1000", what: (value, { host }) => ["sysctl", String(host), "fs.file-max", value] },
  { key: "kill", value: "", what: (_value, { client }) => ["signal", String(client), "KILL", ""] },
];

interface Ends {
  server: number;
  client: number;
  host: number;
}

export class CompareView extends View {
  readonly name = "compare";
  protected override readonly always = true;
  #content = h("div", {});
  #numbers = h("div", {});
  #found = h("div", { role: "status" });
  #said = h("p", { class: "hint", role: "status" });
  #knob = "max_connections";

  protected build(): Node[] {
    this.#content = h("div", {});
    this.#numbers = h("div", {});
    return [this.#content];
  }

  #ends(): Ends {
    const processes = this.store.loaded?.processes ?? [];
    return {
      server: processes.findIndex((process) => process.program === "mysqld"),
      client: Math.max(0, processes.findIndex((process) => !["mysqld", "dns", "mysql"].includes(process.program))),
      host: clientHost(this.store.loaded),
    };
  }

  protected update(change = ""): void {
    if (change === "doc" || change === "language" || this.#content.childElementCount === 0) this.#layout();
    if (change === "moment" || change === "doc" || change === "language") this.#compare();
  }

  #layout(): void {
    const fork = this.store.doc.fork;
    if (!fork) {
      this.#content.replaceChildren(h("p", { class: "hint" }, t("compare.hint")),
        h("button", { type: "button", class: "primary", onclick: () => void this.store.fork() }, t("compare.start")));
      return;
    }
    this.#said = h("p", { class: "hint", role: "status" }, ...fork.acts.map((act) => t("compare.done", act.args.filter(Boolean).join(" ")) + " "));
    this.#found = h("div", { role: "status" });
    const knob = () => KNOBS.find((one) => one.key === this.#knob) ?? KNOBS[0]!;
    const value = h("input", { type: "text", value: knob().value, size: 14, "aria-label": t("knob.value") });
    this.#content.replaceChildren(
      h("div", { class: "row" },
        select(t("compare.looking"), [["0", t("compare.inA")], ["1", t("compare.inB")]], String(this.store.line), (line) => this.store.look(Number(line))),
        h("button", { type: "button", onclick: () => void this.store.keep(0) }, t("compare.keepA")),
        h("button", { type: "button", onclick: () => void this.store.keep(1) }, t("compare.keepB"))),
      h("fieldset", {}, h("legend", {}, t("compare.knob")), h("div", { class: "row" },
        select(t("knob.which"), KNOBS.map((one) => [one.key, t(`knob.${one.key}` as Key)]), this.#knob, (key) => {
          this.#knob = key;
          value.value = knob().value;
        }), value,
        h("button", {
          type: "button", class: "primary", onclick: async () => {
            const args = knob().what(value.value.trim(), this.#ends());
            if (!args) return;
            try {
              this.store.line = 1;
              await this.store.act(...args);
            } catch (error) {
              text(this.#said, t("faults.failed", (error as Error).message));
            }
          },
        }, t("knob.apply"))), this.#said),
      this.#numbers,
      h("div", { class: "row" }, h("button", { type: "button", onclick: () => void this.#find() }, t("compare.find"))), this.#found);
  }

  #compare(): void {
    const [a, b] = this.store.frames;
    if (!this.store.doc.fork || !a || !b) return;
    const rows = this.#rows(a).map(([name, value], at) => {
      const other = this.#rows(b)[at]?.[1] ?? "";
      return [h("span", {}, name), h("span", { class: "number" }, value), h("span", { class: value === other ? "number" : "number differs" }, value === other ? other : `≠ ${other}`)];
    });
    this.#numbers.replaceChildren(table([t("compare.metric"), t("compare.inA"), t("compare.inB")], rows));
  }

  #rows(frame: Frame): [string, string][] {
    const host = frame.hosts[this.#ends().host];
    const process = frame.processes[this.#ends().client];
    const server = frame.processes[this.#ends().server]?.mysql;
    const count = (state: number) => grouped(host?.states[state] ?? 0);
    return [
      ["ESTABLISHED", count(ESTABLISHED)], ["CLOSE-WAIT", count(CLOSE_WAIT)], ["FIN-WAIT-2", count(FIN_WAIT_2)], ["TIME-WAIT", count(TIME_WAIT)],
      [t("view.fds"), grouped(process?.fds ?? 0)], ["RLIMIT_NOFILE", grouped(process?.nofile[0] ?? 0)],
      ...(process?.errors ?? []).map(([name, times]): [string, string] => [name, grouped(times)]),
      ["Threads_connected", grouped(server?.threads_connected ?? 0)], ["ERR 1040", grouped(server?.refused ?? 0)],
    ].slice(0, 12) as [string, string][];
  }

  async #find(): Promise<void> {
    const fork = this.store.doc.fork;
    if (!fork) return;
    const parting = await this.store.sim.json<Parting>("parting", fork.at_ns);
    const told = (entry: Entry | null) => (entry ? `${clock(entry.at_ns)} ${sentence(entry, this.store.loaded)}` : t("compare.nothing"));
    this.#found.replaceChildren(...(parting.first.every((entry) => !entry) ? [h("p", {}, t("compare.same"))] : [
      h("p", {}, t("compare.first", clock(parting.same_until_ns)), " ",
        h("button", { type: "button", onclick: () => void this.store.seek(parting.same_until_ns) }, t("compare.goto"))),
      h("dl", { class: "parting" }, h("dt", {}, t("compare.inA")), h("dd", {}, told(parting.first[0])), h("dt", {}, t("compare.inB")), h("dd", {}, told(parting.first[1])))]));
  }
}
