// The course: lessons, blind cases, and what an instructor needs. Loaded when it is first asked for.

import css from "./course.css?inline";
import { h } from "../dom";
import { remember, remembered } from "../parts/help";
import type { Store } from "../store";
import { CasePage } from "./case";
import { HomePage } from "./home";
import { InstructorPage } from "./instructor";
import { LessonPage } from "./lesson";
import { cases, catalogue, find, lessons } from "./library";
import { type Cast, Model } from "./model";
import { Progress } from "./progress";
import { type Mode, type Page, type Room } from "./room";
import { SheetPage } from "./sheets";
import { w } from "./words";

const MODES: readonly Mode[] = ["page", "ask", "open", "blind"];

export class Course extends HTMLElement implements Room {
  readonly model = new Model();
  readonly progress = new Progress();
  readonly #brief = h("section", { class: "course-brief" });
  #page: Page | null = null;
  #route = "";
  #mode: Mode = "page";

  constructor(readonly store: Store, readonly app: HTMLElement) {
    super();
    document.head.append(h("style", {}, css));
    store.listen((change) => {
      if (change === "language") this.draw();
    });
  }

  get instructor(): boolean {
    return remembered("instructor") === "on";
  }

  set instructor(on: boolean) {
    remember("instructor", on ? "on" : "off");
  }

  get seat(): number {
    return this.progress.seat;
  }

  /** The page's keys that move or change the simulation are not for now. */
  get quiet(): boolean {
    return this.isConnected && this.#mode !== "open";
  }

  /** To the page that a link names: `#course=close-wait&seat=7`. */
  async start(hash: string): Promise<void> {
    if (hash === this.#route && this.#page) return this.mode(this.#mode);
    this.#route = hash;
    const link = new URLSearchParams(hash.replace(/^#/, ""));
    const [id, seat] = [link.get("course") ?? "", link.get("seat")];
    if (seat !== null && /^\d{1,3}$/.test(seat)) this.progress.seat = Number(seat);
    this.#page?.end();
    this.store.pause();
    this.#page = this.#open(id);
    window.scrollTo(0, 0);
    await this.#page.start();
  }

  #open(id: string): Page {
    const item = find(id);
    if (item?.kind === "lesson") return new LessonPage(this, item);
    if (item?.kind === "case") return new CasePage(this, item);
    const [sheet = "", plan = ""] = id.split(/-(?=\d+$)/);
    if (sheet === "handout" || (sheet === "answers" && this.instructor)) return new SheetPage(this, sheet, plan);
    return id === "instructor" || sheet === "answers" ? new InstructorPage(this) : new HomePage(this);
  }

  go(id: string, seat = this.seat): void {
    const hash = `#course${id ? `=${id}` : ""}${seat > 0 ? `${id ? "" : "="}&seat=${seat}` : ""}`;
    this.progress.seat = seat;
    this.#route = "";
    if (location.hash === hash) void this.start(hash);
    else location.hash = hash;
  }

  mode(mode: Mode): void {
    this.#mode = mode;
    // Where there are no views it is what the page is about.
    this.setAttribute("role", mode === "page" ? "main" : "region");
    this.app.classList.add("in-course");
    for (const one of MODES) this.app.classList.toggle(`course-${one}`, one === mode);
  }

  draw(): void {
    if (!this.isConnected || !this.#page) return;
    this.setAttribute("aria-label", w("course"));
    const brief = this.#mode === "blind" ? this.#page.brief?.() ?? [] : [];
    this.#place(brief);
    this.replaceChildren(...this.#page.render());
    // The last that is marked: the title is, for where nothing else is.
    const marked = [this.#brief, this].flatMap((part) => [...part.querySelectorAll<HTMLElement>("[data-focus]")]).at(-1);
    marked?.focus({ preventScroll: true });
    const top = marked?.getBoundingClientRect().top ?? 0;
    if (marked?.dataset.focus === "seen" && (top < 0 || top > innerHeight * 0.7)) marked.scrollIntoView({ block: "start" });
  }

  /** Where only a terminal is in sight it stands between the situation and the questions, to be read in that order. */
  #place(brief: Node[]): void {
    const [tabs, views] = [".tabs", ".views"].map((name) => this.app.querySelector(`:scope > ${name}`));
    this.#brief.replaceChildren(...brief);
    this.#brief.setAttribute("aria-label", w("situation"));
    if (brief.length > 0) {
      if (this.#brief.nextSibling !== tabs) tabs?.before(this.#brief);
      if (this.previousSibling !== views) views?.after(this);
    } else {
      this.#brief.remove();
      if (this.nextSibling !== tabs) tabs?.before(this);
    }
  }

  async show(cast: Cast, at_ns: number, views: readonly string[]): Promise<void> {
    await this.store.open({ ...cast, at_ns, views: [...views] });
    this.store.setViews([...views]);
  }

  /** What is wrong with the lessons and cases for a seat: those without exactly one right answer, or that cannot run. */
  async check(seat: number): Promise<string[]> {
    const problems: string[] = [];
    const held = (id: string, work: Promise<unknown>) => work.catch((error: Error) => problems.push(`${id}, seat ${seat}: ${error.message}`));
    for (const item of lessons()) {
      for (const step of item.steps) {
        await held(item.id, this.model.step(item, step, seat));
        for (const value of step.knob?.values.slice(0, 1) ?? []) await held(item.id, this.model.turned(item, step, seat, value));
      }
    }
    for (const item of cases()) await held(item.id, this.model.diagnose(item, catalogue, seat));
    return problems;
  }

  /** Back to the simulator, as it stands. */
  leave(): void {
    void this.store.link().then((link) => { location.hash = link; });
  }

  /** Is not in the page any more. */
  close(): void {
    this.#page?.end();
    this.#page = null;
    this.#route = "";
    this.app.classList.remove("in-course", ...MODES.map((one) => `course-${one}`));
    this.#brief.remove();
    this.remove();
  }
}

customElements.define("hc-course", Course);
