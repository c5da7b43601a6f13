// The lessons, cases and plans that come with the page.

import { type Case, type Item, type Lesson, readCatalogue, readItem, readWorkshop } from "./data";
import catalogueText from "../../../course/catalogue.toml?raw";
import workshopText from "../../../course/workshop.toml?raw";

const LESSONS = import.meta.glob<string>("../../../course/lessons/*.toml", { query: "?raw", import: "default", eager: true });
const CASES = import.meta.glob<string>("../../../course/cases/*.toml", { query: "?raw", import: "default", eager: true });

const inOrder = (texts: Record<string, string>) => Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1));

export const catalogue = readCatalogue("catalogue.toml", catalogueText);
export const workshop = readWorkshop("workshop.toml", workshopText);
const items: Item[] = [...inOrder(LESSONS), ...inOrder(CASES)].map(([file, text]) => readItem(file, text, catalogue));

export const lessons = (): Lesson[] => items.filter((item): item is Lesson => item.kind === "lesson");
export const cases = (): Case[] => items.filter((item): item is Case => item.kind === "case");
export const find = (id: string): Item | undefined => items.find((item) => item.id === id);

/** Takes in a file that a reader opened, instead of one of the same name. */
export function add(file: string, text: string): Item {
  const item = readItem(file, text, catalogue);
  const at = items.findIndex((one) => one.id === item.id);
  if (at >= 0) items[at] = item;
  else items.push(item);
  return item;
}
