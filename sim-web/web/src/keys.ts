// Every key there is, in one table: what it does, what the help shows.

import type { Key } from "./i18n";

export type Command =
  | "play" | "back" | "next" | "backState" | "nextState" | "slower" | "faster" | "start" | "end" | "fork" | "kill" | "drop"
  | "partition" | "restart" | "client" | "presenter" | "share" | "help" | `view${number}`;

interface Binding {
  keys: string[];
  label: Key;
  shown: string;
  commands: Command[];
  /** A single character: can be switched off (WCAG 2.1.4). */
  single: boolean;
}

export const BINDINGS: readonly Binding[] = [
  { keys: [" ", ".", "b", "B"], commands: ["play", "play", "play", "play"], label: "key.play", shown: "Space  .  b", single: true },
  { keys: ["ArrowLeft", "ArrowRight", "PageUp", "PageDown"], commands: ["back", "next", "back", "next"], label: "key.event", shown: "← →  PgUp PgDn", single: false },
  { keys: ["Shift+ArrowLeft", "Shift+ArrowRight"], commands: ["backState", "nextState"], label: "key.state", shown: "Shift ← →", single: false },
  { keys: ["[", "]"], commands: ["slower", "faster"], label: "key.speed", shown: "[  ]", single: true },
  { keys: ["Home", "End"], commands: ["start", "end"], label: "key.ends", shown: "Home  End", single: false },
  { keys: ["k"], commands: ["kill"], label: "key.kill", shown: "k", single: true },
  { keys: ["f"], commands: ["fork"], label: "key.fork", shown: "f", single: true },
  { keys: ["d"], commands: ["drop"], label: "key.drop", shown: "d", single: true },
  { keys: ["n"], commands: ["partition"], label: "key.partition", shown: "n", single: true },
  { keys: ["r"], commands: ["restart"], label: "key.restart", shown: "r", single: true },
  { keys: ["c"], commands: ["client"], label: "key.client", shown: "c", single: true },
  { keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"], commands: ["view1", "view2", "view3", "view4", "view5", "view6", "view7", "view8", "view9"], label: "key.view", shown: "1–9", single: true },
  { keys: ["p"], commands: ["presenter"], label: "key.presenter", shown: "p", single: true },
  { keys: ["s"], commands: ["share"], label: "key.share", shown: "s", single: true },
  { keys: ["?"], commands: ["help"], label: "key.help", shown: "?", single: true },
];

/** What a key press means; null if it is for the control that has the focus, or means nothing. */
export function commandOf(event: KeyboardEvent, singles: boolean): Command | null {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return null;
  const target = event.target as HTMLElement;
  const tag = target.tagName;
  if (tag === "INPUT" && (target as HTMLInputElement).type !== "range" && (target as HTMLInputElement).type !== "checkbox") return null;
  if (tag === "TEXTAREA" || tag === "SELECT" || target.isContentEditable) return null;
  if (event.key === " " && (tag === "BUTTON" || tag === "SUMMARY" || tag === "INPUT" || target.getAttribute("role") === "button")) return null;
  const scrolls = target.tabIndex >= 0 && getComputedStyle(target).overflow !== "visible" && target !== document.body;
  if (scrolls && /^(Arrow|Page|Home|End)/.test(event.key)) return null;
  if (tag === "INPUT" && (target as HTMLInputElement).type === "range" && /^(Arrow|Page|Home|End)/.test(event.key)) return null;
  const name = event.shiftKey && event.key.startsWith("Arrow") ? `Shift+${event.key}` : event.key;
  for (const binding of BINDINGS) {
    const at = binding.keys.indexOf(name);
    if (at >= 0 && (singles || !binding.single)) return binding.commands[at] ?? null;
  }
  return null;
}
