// The clock: play, step, scrub, speed, and the moments worth a visit.

import { h, type Icon, icon, text } from "../dom";
import { clock } from "../format";
import { t } from "../i18n";
import { type Change, SPEEDS } from "../store";
import { Part } from "./part";

/** Steps of the slider; its value is a share of the scenario. */
const STEPS = 10_000;

export class Transport extends Part {
  #play = h("button", {});
  #slider = h("input", {});
  #now = h("output", {});
  #speed = h("select", {});
  #marks = h("div", { class: "marks" });
  #ahead = h("div", { class: "ahead", "aria-hidden": "true" });
  #jump = h("select", {});
  #landmarks = "";
  #playing = false;

  render(): void {
    const store = this.store;
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", t("transport.label"));
    const button = (label: string, sign: Icon, action: () => void, kind = "") =>
      h("button", { type: "button", class: `icon ${kind}`, "aria-label": label, title: label, onclick: action }, icon(sign));
    this.#play = button(t("transport.play"), "play", () => store.toggle(), "play");
    this.#slider = h("input", {
      type: "range", min: "0", max: String(STEPS), step: "1", "aria-label": t("transport.slider"),
      oninput: () => { store.pause(); void store.seek(this.#fromSlider(Number(this.#slider.value))); },
    });
    this.#now = h("output", { class: "now" });
    this.#speed = h("select", { "aria-label": t("transport.speed"), onchange: () => store.setSpeed(this.#speed.value === "auto" ? "auto" : Number(this.#speed.value)) },
      h("option", { value: "auto" }, t("transport.auto")), ...SPEEDS.map((speed) => h("option", { value: String(speed) }, `${speed}×`)));
    this.#marks = h("div", { class: "marks", "aria-hidden": "true" });
    this.#ahead = h("div", { class: "ahead", "aria-hidden": "true" });
    this.#jump = h("select", { class: "jump", "aria-label": t("transport.landmarks"), onchange: () => {
      if (this.#jump.value) void store.seek(Number(this.#jump.value));
      this.#jump.value = "";
    } });
    this.#landmarks = "";
    this.#playing = false;
    this.replaceChildren(
      h("div", { class: "buttons" },
        button(t("transport.backState"), "backState", () => void store.step(true, true), "wide-only"),
        button(t("transport.back"), "back", () => void store.step(true)),
        this.#play,
        button(t("transport.next"), "next", () => void store.step(false)),
        button(t("transport.nextState"), "nextState", () => void store.step(false, true), "wide-only")),
      h("div", { class: "track" }, this.#ahead, this.#marks, this.#slider),
      this.#now, this.#jump, this.#speed);
    this.update("doc");
  }

  /** The slider goes by what is new, half and half with time, so that the dense beginning is not one pixel wide. */
  #scale(): { ns: number; share: number }[] {
    const { pace } = this.store.progress[0] ?? { pace: [] };
    const end = Math.max(this.store.end, 1);
    const total = Math.max(pace.at(-1)?.[1] ?? 0, 1);
    const points = pace.map(([ns, news]) => ({ ns, share: (ns / end + news / total) / 2 }));
    return [...points, { ns: end, share: 1 }];
  }

  #fromSlider(value: number): number {
    const share = value / STEPS;
    const scale = this.#scale();
    const at = Math.max(1, scale.findIndex((point) => point.share >= share));
    const [from, to] = [scale[at - 1] ?? { ns: 0, share: 0 }, scale[at] ?? { ns: this.store.end, share: 1 }];
    return Math.round(from.ns + (to.ns - from.ns) * ((share - from.share) / Math.max(to.share - from.share, 1e-9)));
  }

  #toShare(ns: number): number {
    const scale = this.#scale();
    const at = Math.max(1, scale.findIndex((point) => point.ns >= ns));
    const [from, to] = [scale[at - 1] ?? { ns: 0, share: 0 }, scale[at] ?? { ns: this.store.end, share: 1 }];
    return from.share + (to.share - from.share) * ((ns - from.ns) / Math.max(to.ns - from.ns, 1));
  }

  update(change: Change): void {
    const store = this.store;
    if (this.#playing !== store.playing) {
      this.#playing = store.playing;
      this.#play.replaceChildren(icon(store.playing ? "pause" : "play"));
    }
    const label = store.playing ? t("transport.pause") : t("transport.play");
    this.#play.setAttribute("aria-label", label);
    this.#play.title = label;
    this.#speed.value = String(store.speed);
    const share = this.#toShare(store.now);
    if (document.activeElement !== this.#slider || store.playing || change !== "moment") this.#slider.value = String(Math.round(share * STEPS));
    this.#slider.setAttribute("aria-valuetext", t("transport.value", clock(store.now, 6), clock(store.end, 0)));
    text(this.#now, clock(store.now, store.end > 1e11 ? 4 : 6));
    const progress = store.progress[Math.min(store.line, store.progress.length - 1)];
    if (!progress) return;
    this.#ahead.style.width = `${(this.#toShare(progress.done_ns) * 100).toFixed(1)}%`;
    this.#ahead.classList.toggle("done", progress.finished);
    const key = JSON.stringify([progress.landmarks, progress.pace.length, store.end]);
    if (key !== this.#landmarks) {
      this.#landmarks = key;
      const marks = progress.landmarks;
      this.#marks.replaceChildren(...marks.map((mark) => h("span", { class: `mark ${mark.kind}`, style: `left:${(this.#toShare(mark.at_ns) * 100).toFixed(2)}%` })));
      this.#jump.replaceChildren(h("option", { value: "" }, `${t("transport.landmarks")} …`), h("option", { value: "0" }, `0 s · ${t("landmark.start")}`),
        ...marks.map((mark) => h("option", { value: String(mark.at_ns) }, `${clock(mark.at_ns, 3)} · ${mark.name}`)),
        h("option", { value: String(store.end) }, `${clock(store.end, 0)} · ${t("landmark.end")}`));
    }
  }
}
