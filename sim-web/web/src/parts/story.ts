// What one sees, in a sentence; and the one button to press.

import { h, text } from "../dom";
import { grouped } from "../format";
import { pick, t } from "../i18n";
import { CLOSE_WAIT, ESTABLISHED } from "../states";
import type { Change } from "../store";
import { Part } from "./part";
import { clientHost } from "../views/ports";

export class Story extends Part {
  #question = h("h1", {});
  #now = h("p", { class: "now", "aria-live": "polite" });
  #kill = h("button", {});
  #other = h("button", {});
  #said = 0;

  render(): void {
    const store = this.store;
    this.#question = h("h1", {});
    this.#now = h("p", { class: "now", "aria-live": "polite" });
    this.#kill = h("button", { type: "button", class: "primary big", onclick: () => void this.#press() }, t("story.kill"));
    this.#other = h("button", { type: "button", class: "quiet", onclick: () => void store.open({ preset: store.doc.preset === "tiny" ? "incident" : "tiny" }) });
    this.replaceChildren(h("div", { class: "words" }, this.#question, this.#now), h("div", { class: "row" }, this.#kill, this.#other));
    this.update("doc");
  }

  /** Before the kill: kill, and watch. After it: play on, or again from the start. */
  async #press(): Promise<void> {
    const store = this.store;
    const mode = this.#mode();
    if (mode === "again") return store.open({ preset: store.doc.preset, text: store.doc.text, sets: store.doc.sets, seed: store.doc.seed });
    if (mode === "kill") {
      // The scenario's own KILL if it is near: so that the run stays the scenario's.
      const own = store.actions.find((action) => action.kills && action.at_ns !== null && action.at_ns >= store.now && action.at_ns - store.now < 1e9);
      if (own?.at_ns) await store.seek(own.at_ns - 1);
      else await store.killSession();
      store.setSpeed("auto");
    }
    store.toggle();
  }

  #mode(): "kill" | "play" | "pause" | "again" {
    const store = this.store;
    if (store.playing) return "pause";
    if (store.end > 0 && store.now >= store.end) return "again";
    const killed = store.actions.some((action) => action.kills && action.at_ns !== null && action.at_ns <= store.now);
    const kills = store.actions.some((action) => action.kills);
    return kills && !killed ? "kill" : "play";
  }

  update(change: Change): void {
    const store = this.store;
    const { loaded, frame } = store;
    if (!loaded || !frame) return;
    text(this.#question, pick(loaded.question) || pick(loaded.title));
    const mode = this.#mode();
    text(this.#kill, { kill: t("story.kill"), play: t("story.play"), pause: t("transport.pause"), again: t("story.again") }[mode]);
    this.#kill.title = mode === "kill" ? t("story.killnote") : "";
    text(this.#other, store.doc.preset === "tiny" ? t("story.full") : t("story.tiny"));
    // Not more often than one can read or hear.
    if (store.playing && performance.now() - this.#said < 700 && change === "moment") return;
    this.#said = performance.now();
    text(this.#now, this.#sentence());
  }

  #sentence(): string {
    const { loaded, frame } = this.store;
    if (!loaded || !frame) return "";
    const host = frame.hosts[clientHost(loaded)];
    const at = loaded.processes.findIndex((process) => !["mysqld", "dns", "mysql"].includes(process.program));
    const client = frame.processes[at];
    if (!host || !client) return "";
    const ports = host.range[1] - host.range[0] + 1;
    const stuck = host.states[CLOSE_WAIT] ?? 0;
    const errors = new Map(client.errors);
    if (!client.alive && this.store.now > 2e9) return t("story.gone");
    if (stuck > 0 && errors.has("EADDRNOTAVAIL") && client.fds < client.nofile[0]) return t("story.exhausted");
    if (stuck > 0 && client.fds >= client.nofile[0]) return t("story.emfile", grouped(client.nofile[0]));
    if (stuck > 0) return t("story.leaking", grouped(stuck), grouped(host.ports_used), grouped(ports));
    return t("story.before", grouped(host.states[ESTABLISHED] ?? 0), grouped(host.ports_used), grouped(ports));
  }
}
