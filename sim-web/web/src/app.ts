// The page: header, story, views, clock; and what joins them.

import { decode, LinkVersion } from "./doc";
import { h, type Icon, icon, text } from "./dom";
import { type Key, language, type Lang, pick, preferred, speak, t } from "./i18n";
import { type Command, commandOf } from "./keys";
import type { Course } from "./course";
import { Faults } from "./parts/faults";
import { Help, remember, remembered } from "./parts/help";
import type { Narrator } from "./parts/narrator";
import { Share } from "./parts/share";
import { Story } from "./parts/story";
import { Transport } from "./parts/transport";
import { DEFAULT_VIEWS, PRESETS, Store } from "./store";
import { VIEWS } from "./views";
import type { View } from "./views/view";

declare const __SINGLE__: boolean;
const COURSE = /^#course\b/;
/** The built site has the book beside the page; one file alone has not, nor has the page from its sources. */
const BOOK = !__SINGLE__ && import.meta.env.PROD;
const NARROW = matchMedia("(max-width: 760px)");

export class App extends HTMLElement {
  readonly store = new Store();
  #views = h("main", { class: "views", id: "views", tabIndex: -1 });
  #tabs = h("div", { class: "tabs", role: "group" });
  #presets = h("select", {});
  #digest = h("code", { class: "digest" });
  #notice = h("p", { class: "notice", role: "alert", hidden: true });
  #story = document.createElement("hc-story") as Story;
  #transport = document.createElement("hc-transport") as Transport;
  #faults = document.createElement("hc-faults") as Faults;
  #share = document.createElement("hc-share") as Share;
  #help = document.createElement("hc-help") as Help;
  #narrator = document.createElement("hc-narrator") as Narrator;
  #course: Course | null = null;
  #embedded = new URLSearchParams(location.search).has("embed");

  async connectedCallback(): Promise<void> {
    const wish = new URLSearchParams(location.search).get("lang") ?? remembered("lang");
    speak(wish === "zh" || wish === "en" ? wish : preferred());
    this.#theme(remembered("theme") ?? "auto");
    this.classList.toggle("embedded", this.#embedded);
    for (const part of [this.#story, this.#transport, this.#faults, this.#share, this.#narrator]) part.store = this.store;
    this.replaceChildren(h("p", { class: "loading", role: "status" }, t("app.loading")));
    try {
      await this.store.sim.start();
      const { doc, bad } = await this.#read();
      await this.store.open({ views: DEFAULT_VIEWS, ...doc });
      this.render();
      if (bad.length > 0) this.#say(t("link.bad", bad.join(", ")));
    } catch (error) {
      this.replaceChildren(h("p", { class: "loading bad", role: "alert" }, t("app.failed", (error as Error).message)));
      return;
    }
    this.store.listen((change) => {
      if (change === "language") this.render();
      if (change === "views") this.#showViews();
      if (change === "doc") this.#head();
      if (change === "busy") this.#say(this.store.failure);
      if (change === "moment" || change === "progress") text(this.#digest, this.store.frame?.digest ?? "");
      if (change === "moment") document.dispatchEvent(new CustomEvent("hc-moment"));
    });
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("hc-filter", () => {
      if (!this.store.doc.views.includes("sockets")) this.#toggleView("sockets");
    }, { capture: true });
    window.addEventListener("hashchange", () => void this.#goToLink());
    NARROW.addEventListener("change", () => this.#showViews());
    if (COURSE.test(location.hash)) void this.#openCourse();
    if ("serviceWorker" in navigator && location.protocol === "https:" || location.hostname === "localhost" || location.hostname === "127.0.0.1") {
      void navigator.serviceWorker?.register("sw.js").catch(() => {});
    }
  }

  async #read(): Promise<Awaited<ReturnType<typeof decode>>> {
    if (COURSE.test(location.hash)) return { doc: {}, bad: [] };
    try {
      const link = await decode(location.hash);
      link.doc.views = link.doc.views?.filter((name) => name in VIEWS);
      if (!link.doc.views?.length) delete link.doc.views;
      if (link.doc.preset && !PRESETS.some((preset) => preset.name === link.doc.preset)) {
        link.bad.push(`s=${link.doc.preset}`);
        delete link.doc.preset;
      }
      return link;
    } catch (error) {
      return { doc: {}, bad: [error instanceof LinkVersion ? t("link.version", error.version) : String(error)] };
    }
  }

  /** Lessons and cases are loaded when the first is asked for. */
  async #openCourse(): Promise<void> {
    try {
      const { Course } = await import("./course");
      this.#course ??= new Course(this.store, this);
      if (!this.#course.isConnected) this.#tabs.before(this.#course);
      await this.#course.start(location.hash);
    } catch (error) {
      this.#say(t("course.failed", (error as Error).message));
    }
  }

  async #goToLink(): Promise<void> {
    if (COURSE.test(location.hash)) return this.#openCourse();
    this.#course?.close();
    const { doc, bad } = await this.#read();
    await this.store.open(doc);
    this.#showViews();
    if (bad.length > 0) this.#say(t("link.bad", bad.join(", ")));
  }

  #say(message: string): void {
    this.#notice.hidden = message === "";
    text(this.#notice, message);
  }

  render(): void {
    const store = this.store;
    this.#presets = h("select", { "aria-label": t("scenario.choose"), onchange: () => void store.open({ preset: this.#presets.value }) },
      // Shown, and not to be chosen, while a text of one's own runs.
      h("option", { value: "", hidden: true }, t("scenario.own")),
      ...PRESETS.map((preset) => h("option", { value: preset.name }, `${preset.name} — ${pick(preset.title)}`)));
    this.#digest = h("code", { class: "digest", title: t("digest.label"), tabIndex: 0, "aria-label": t("digest.label"), role: "note" });
    const seed = h("input", {
      type: "text", inputMode: "numeric", size: 4, value: String(store.loaded?.seed ?? 1), "aria-label": t("seed.label"), title: t("seed.apply"),
      onchange: () => { if (/^\d+$/.test(seed.value)) void store.open({ ...store.doc, acts: [], fork: null, seed: Number(seed.value) }); },
    });
    const button = (label: string, sign: Node | string, action: () => void, kind = "") =>
      h("button", { type: "button", class: `icon ${kind}`, "aria-label": label, title: label, onclick: action }, sign);
    const theme = document.documentElement.dataset.theme ?? "auto";
    const head = h("header", { class: "top" },
      h("a", { class: "skip", href: "#views", onclick: (event: Event) => { event.preventDefault(); this.#views.focus(); } }, t("app.skip")),
      h("span", { class: "brand" }, h("span", { class: "mark", "aria-hidden": "true" }), "halfclose"),
      this.#presets, h("label", { class: "seed" }, t("seed.label"), seed), this.#digest,
      h("span", { class: "space" }),
      h("button", { type: "button", class: "to-course", onclick: () => { location.hash = "course"; } }, t("course.open")),
      h("button", { type: "button", class: "to-share", onclick: () => void this.#share.open() }, t("share.open")),
      ...(BOOK ? [h("a", { class: "button to-book", href: `book/${language()}/index.html` }, t("book.open"))] : []),
      button(t(`theme.${theme}` as Key), icon(theme as Icon), () => this.#nextTheme(), "theme"),
      h("button", { type: "button", class: "lang", lang: language() === "en" ? "zh-CN" : "en", "aria-label": t("lang.label"), onclick: () => void this.#language(language() === "en" ? "zh" : "en") }, t("lang.switch")),
      button(t("help.open"), "?", () => this.#help.open()));
    this.#tabs = h("div", { class: "tabs", role: "group", "aria-label": t("views.label") });
    this.#notice = h("p", { class: "notice", role: "alert", hidden: true });
    this.#views = h("main", { class: "views", id: "views", tabIndex: -1 });
    this.replaceChildren(...(this.#embedded ? [] : [head]), this.#notice,
      h("div", { class: "lead" }, this.#story, this.#faults),
      ...(this.#course?.isConnected ? [this.#course] : []), this.#tabs, this.#views, this.#transport, this.#share, this.#help, this.#narrator);
    this.#head();
    this.#showViews();
  }

  #head(): void {
    this.#presets.value = this.store.doc.text === null ? this.store.doc.preset : "";
    text(this.#digest, this.store.frame?.digest ?? "");
    document.title = `halfclose · ${pick(this.store.loaded?.title ?? ["", ""])}`;
    const seed = this.querySelector<HTMLInputElement>(".seed input");
    if (seed && document.activeElement !== seed) seed.value = String(this.store.loaded?.seed ?? 1);
  }

  /** On a phone one view at a time; else all that are chosen. */
  #showViews(): void {
    const chosen = NARROW.matches ? this.store.doc.views.slice(0, 1) : this.store.doc.views;
    const there = new Map([...this.#views.children].map((view) => [(view as View).name, view as View]));
    this.#views.replaceChildren(...chosen.flatMap((name) => {
      const old = there.get(name);
      if (old) return [old];
      const tag = VIEWS[name];
      if (!tag) return [];
      const view = document.createElement(tag) as View;
      view.store = this.store;
      view.dataset.view = name;
      return [view];
    }));
    this.#tabs.replaceChildren(...Object.keys(VIEWS).map((name) => h("button", {
      type: "button", "aria-pressed": String(chosen.includes(name)), "data-view": name, onclick: () => this.#toggleView(name),
    }, t(`view.${name}` as Key))));
    const on = this.#tabs.querySelector<HTMLElement>('[aria-pressed="true"]');
    if (NARROW.matches && on) this.#tabs.scrollLeft = on.offsetLeft - this.#tabs.offsetLeft - on.offsetWidth / 2;
  }

  #toggleView(name: string): void {
    const { views } = this.store.doc;
    if (NARROW.matches) this.store.setViews([name, ...views.filter((one) => one !== name)]);
    else if (views.includes(name)) this.store.setViews(views.length > 1 ? views.filter((one) => one !== name) : views);
    else this.store.setViews([...views, name]);
    this.#tabs.querySelector<HTMLElement>(`[data-view="${name}"]`)?.focus();
  }

  async #language(lang: Lang): Promise<void> {
    remember("lang", lang);
    await this.store.setLanguage(lang);
    this.querySelector<HTMLElement>(".lang")?.focus();
  }

  #theme(theme: string): void {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }

  #nextTheme(): void {
    const now = document.documentElement.dataset.theme ?? "auto";
    const next = now === "auto" ? "light" : now === "light" ? "dark" : "auto";
    remember("theme", next);
    this.#theme(next);
    this.render();
    this.querySelector<HTMLElement>(".theme")?.focus();
  }

  #key(event: KeyboardEvent): void {
    if (document.querySelector("dialog[open]")) return;
    const command = commandOf(event, Help.singles);
    if (!command || (this.#course?.quiet && command !== "help" && command !== "presenter")) return;
    event.preventDefault();
    void this.do(command);
  }

  async do(command: Command): Promise<void> {
    const store = this.store;
    switch (command) {
      case "play": return store.toggle();
      case "back": return store.step(true);
      case "next": return store.step(false);
      case "backState": return store.step(true, true);
      case "nextState": return store.step(false, true);
      case "slower": return store.faster(false);
      case "faster": return store.faster(true);
      case "start": return store.seek(0);
      case "end": return store.seek(store.end);
      case "fork":
        if (!store.doc.views.includes("compare")) this.#toggleView("compare");
        return store.fork();
      case "kill": return this.#faults.do("kill");
      case "drop": return this.#faults.do("drop");
      case "partition": return this.#faults.do("partition");
      case "restart": return this.#faults.do("restart");
      case "client": return this.#faults.do("client");
      case "presenter":
        document.documentElement.classList.toggle("presenter");
        return;
      case "share":
        await this.#share.quick();
        return this.#say(t("share.copied"));
      case "help": return this.#help.open();
      default: {
        const name = Object.keys(VIEWS)[Number(command.slice(4)) - 1];
        if (name) this.#toggleView(name);
      }
    }
  }
}
