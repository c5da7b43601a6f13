// Every sentence of the page in both languages. A key that 中文 lacks does not compile.

import { en } from "./en";
import { zh } from "./zh";

export type Lang = "en" | "zh";
export type Key = keyof typeof en;
export type Catalogue = Record<Key, string>;

const CATALOGUES: Record<Lang, Catalogue> = { en, zh };
let current: Lang = "en";

/** The language of the reader's browser. */
export function preferred(): Lang {
  return navigator.languages.some((lang) => lang.toLowerCase().startsWith("zh")) &&
    !navigator.languages[0]?.toLowerCase().startsWith("en") ? "zh" : "en";
}

export function speak(lang: Lang): void {
  current = lang;
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
}

export function language(): Lang {
  return current;
}

/** A sentence with `{0}`, `{1}` … filled in. */
export function t(key: Key, ...values: (string | number)[]): string {
  return CATALOGUES[current][key].replace(/\{(\d)\}/g, (_, at: string) => String(values[Number(at)] ?? ""));
}

/** The language's half of a pair from the model. */
export function pick(pair: readonly [string, string] | readonly string[]): string {
  return pair[current === "zh" ? 1 : 0] ?? "";
}
