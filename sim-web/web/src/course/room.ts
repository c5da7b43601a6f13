// What the course's pages share: where they are shown, what they may ask for, and a few pieces they are made of.

import { h } from "../dom";
import type { Store } from "../store";
import type { Item, Pair } from "./data";
import { type Cast, type Model, said } from "./model";
import type { Progress } from "./progress";
import { w } from "./words";

/** What of the simulator is in sight beside a page: nothing, the views alone, all of it, a terminal alone. */
export type Mode = "page" | "ask" | "open" | "blind";

export interface Room {
  readonly store: Store;
  readonly app: HTMLElement;
  readonly model: Model;
  readonly progress: Progress;
  /** The instructor's notes and answers may be shown. */
  instructor: boolean;
  readonly seat: number;
  mode(mode: Mode): void;
  /** Goes to a page of the course. */
  go(id: string, seat?: number): void;
  leave(): void;
  /** What is wrong with the lessons and cases for a seat. */
  check(seat: number): Promise<string[]>;
  /** Draws the page anew, and takes the focus to what is marked for it. */
  draw(): void;
  /** Shows a scenario in the views. */
  show(cast: Cast, at_ns: number, views: readonly string[]): Promise<void>;
}

export interface Page {
  start(): Promise<void>;
  render(): Node[];
  /** What stands before the terminal where only a terminal is in sight; `render()` comes after it then. */
  brief?(): Node[];
  /** Is left; what it waits for is not wanted any more. */
  end(): void;
}

/** A text of the data: `code` between backquotes, paragraphs between empty lines. */
export function prose(text: string): Node[] {
  return text.split(/\n\s*\n/).filter(Boolean).map((paragraph) => h("p", {}, ...inline(paragraph.replace(/\s*\n\s*/g, " "))));
}

export function inline(text: string): (Node | string)[] {
  return text.split(/`([^`]*)`/).map((part, at) => (at % 2 === 1 ? h("code", {}, part) : part));
}

/** Where the focus goes when a page is drawn anew; `seen`, if it shall be in sight then. */
export function focused<T extends HTMLElement>(node: T, seen = false): T {
  node.tabIndex = -1;
  node.dataset.focus = seen ? "seen" : "";
  return node;
}

export function button(label: string, action: () => void, kind = ""): HTMLButtonElement {
  return h("button", { type: "button", class: kind, onclick: action }, label);
}

/** The head of a lesson's or case's page. */
export function head(room: Room, item: Item, more: string): HTMLElement {
  return h("div", { class: "course-head" },
    h("div", { class: "row" }, button(`← ${w("back")}`, () => room.go(""), "link"), h("span", { class: "space" }), button(w("leave"), () => room.leave(), "link")),
    focused(h("h1", {}, said(item.title))), h("p", { class: "hint" }, ...inline(more)));
}

/** What only an instructor sees, and not on the wall. */
export function aside(room: Room, ...lines: (Pair | string | null)[]): HTMLElement | null {
  const there = lines.filter((line) => line !== null);
  if (!room.instructor || there.length === 0) return null;
  return h("aside", { class: "course-notes", "aria-label": w("notes") }, h("h3", {}, w("notes")),
    ...there.flatMap((line) => prose(typeof line === "string" ? line : said(line))));
}

export function waiting(): HTMLElement {
  return h("p", { class: "hint", role: "status" }, w("computing"));
}
