// What the model says: quantities and findings of scenarios that run apart from what is looked at.

import { grouped } from "../format";
import { pick } from "../i18n";
import { Sim } from "../sim/client";
import { packedPreset, PRESETS } from "../store";
import type { Found } from "../wire";
import type { Case, Catalogue, Item, Lesson, Pair, Quantity, Scene, Step } from "./data";

/** A value, null where there is none, and its moment in nanoseconds. */
export type Reading = readonly [number | null, number | null];

/** A scene for one seat: all that a run depends on. */
export interface Cast {
  preset: string;
  text: string | null;
  sets: string;
  seed: number | null;
}

export interface NumberChoice {
  /** As it is shown. */
  text: Pair;
  right: boolean;
  why: Pair | null;
}

/** A step with everything in it that the model computes. */
export interface Asked {
  cast: Cast;
  choices: readonly NumberChoice[];
  see_ns: number;
  then_ns: number;
  values: Readonly<Record<string, string>>;
}

export interface Option {
  id: string;
  text: Pair;
  right: boolean;
  why: Pair;
}

/** A case with its ground truth. */
export interface Diagnosed {
  cast: Cast;
  at_ns: number;
  findings: readonly Found[];
  parts: Readonly<Record<"side" | "cause" | "remedy", readonly Option[]>>;
  values: Readonly<Record<string, string>>;
}

/** A course's data and the model do not agree: no answer is right, or more than one is. */
export class NoSingleAnswer extends Error {}

const filled = (text: string, values: Readonly<Record<string, string>>) =>
  text.replace(/\{([a-z_]\w*)\}/g, (whole, name: string) => values[name] ?? whole);

export const fill = (pair: Pair, values: Readonly<Record<string, string>>): Pair => [filled(pair[0], values), filled(pair[1], values)];

/** The row of variations a seat has, and what it draws; nobody's seat is 0 and has the first row. */
export function row(item: Item, seat: number): Readonly<Record<string, string>> {
  const values = { ...item.vary[seat % Math.max(1, item.vary.length)] };
  for (const [name, { low, high, step }] of item.random) {
    // All values in an order of chance, one after another: as random as a die, and no two neighbours alike.
    const all = shuffle(Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, at) => low + at * step), `${item.id} ${name}`);
    values[name] = String(all[seat % all.length]);
  }
  return values;
}

export function cast(scene: Scene, values: Readonly<Record<string, string>>, seat: number, more: readonly string[] = []): Cast {
  const own = scene.text ? Number(/^seed\s*=\s*(\d+)/m.exec(scene.text)?.[1] ?? 1) : PRESETS.find((one) => one.name === scene.preset)?.seed ?? 1;
  return {
    preset: scene.preset, text: scene.text && filled(scene.text, values),
    sets: [...scene.set, ...more].map((set) => filled(set, values)).join("\n"), seed: seat === 0 || scene.same ? null : own + seat,
  };
}

const line = (quantity: Quantity) => [quantity.metric, quantity.at, quantity.since, quantity.per].join("\t");

export class Model {
  readonly #sim = new Sim();
  readonly #kept = new Map<string, Promise<string>>();

  #ask(method: "measure" | "examine", cast: Cast, what: string): Promise<string> {
    const key = JSON.stringify([method, cast, what]);
    const kept = this.#kept.get(key) ?? this.#load(cast).then((load) => this.#sim.ask(method, load, what) as Promise<string>);
    this.#kept.set(key, kept);
    return kept;
  }

  async #load(cast: Cast): Promise<unknown> {
    const plain = cast.text === null && cast.sets === "";
    return { ...cast, text: cast.text ?? undefined, packed: plain ? await packedPreset(cast.preset) : undefined, chinese: false };
  }

  async measure(cast: Cast, quantities: readonly Quantity[]): Promise<Reading[]> {
    return JSON.parse(await this.#ask("measure", cast, quantities.map(line).join("\n"))) as Reading[];
  }

  async examine(cast: Cast, at: string): Promise<[number, Found[]]> {
    return JSON.parse(await this.#ask("examine", cast, at)) as [number, Found[]];
  }

  /** Reads quantities of which some want changes of their own: one run for each set of changes. */
  async #everything(scene: Scene, values: Readonly<Record<string, string>>, seat: number, all: readonly Quantity[]): Promise<Reading[]> {
    const readings: Reading[] = all.map(() => [null, null]);
    const groups = new Map<string, number[]>();
    all.forEach((one, at) => groups.set(one.set.join("\n"), [...(groups.get(one.set.join("\n")) ?? []), at]));
    for (const places of groups.values()) {
      const of = places.map((at) => ({ ...(all[at] as Quantity), metric: filled((all[at] as Quantity).metric, values) }));
      const read = await this.measure(cast(scene, values, seat, of[0]?.set), of);
      places.forEach((at, number) => { readings[at] = read[number] ?? [null, null]; });
    }
    return readings;
  }

  /** The choices of a step, with the one that is right found by the model. */
  async step(lesson: Lesson, step: Step, seat: number): Promise<Asked> {
    const values = row(lesson, seat);
    const moment = (at: string): Quantity => ({ metric: "0", at, since: "", per: "", set: [] });
    const asked = step.answer ? [step.answer, ...step.wrong.map((one) => one.value)] : step.choices.map((one) => one.holds);
    const numbers = [...step.numbers];
    const all = [moment(step.see), moment(step.then), ...asked, ...numbers.map(([, one]) => one)];
    const readings = await this.#everything(step.scene, values, seat, all);
    const known: Record<string, string> = { ...values };
    numbers.forEach(([name], at) => { known[name] = show(readings[2 + asked.length + at]?.[0]); });
    const read = readings.slice(2, 2 + asked.length).map(([value]) => value);
    if (step.answer) known.answer = show(read[0]);
    const choices = step.answer ? numeric(step, read) : shuffle(sentences(step, read), `${lesson.id} ${seat}`);
    const right = choices.filter((one) => one.right).length;
    if (right !== 1) throw new NoSingleAnswer(`${lesson.id}: ${right} answers are right: ${read.join(", ")}`);
    return {
      cast: cast(step.scene, values, seat), values: known, see_ns: readings[0]?.[1] ?? 0, then_ns: readings[1]?.[1] ?? 0,
      choices: choices.map((one) => ({ text: fill(one.text, known), right: one.right, why: one.why && fill(one.why, known) })),
    };
  }

  /** The knob's quantity with one value of the knob. */
  async turned(lesson: Lesson, step: Step, seat: number, value: string): Promise<{ cast: Cast; reading: Reading }> {
    if (!step.knob) throw new Error("this step has no knob");
    const values = row(lesson, seat);
    const set = step.knob.set.replace("{}", value);
    const [reading] = await this.#everything(step.scene, values, seat, [{ ...step.knob.value, set: [...step.knob.value.set, set] }]);
    return { cast: cast(step.scene, values, seat, [set]), reading: reading ?? [null, null] };
  }

  /** What a case really is: its cause by what was found, its remedy by trying each. */
  async diagnose(item: Case, catalogue: Catalogue, seat: number): Promise<Diagnosed> {
    const values = row(item, seat);
    const here = cast(item.scene, values, seat);
    const [at_ns, findings] = await this.examine(here, item.at);
    const named = (text: string) => text.replace(/\$(\w+)/g, (whole, name: string) => item.names[name] ?? whole);
    const causes = item.causes.map((id) => ({ id, cause: catalogue.causes.get(id) }));
    const conditions = causes.map(({ cause }) => ({ metric: named(cause?.holds || "1"), at: item.at, since: "", per: "", set: [] }));
    const held = await this.#everything(item.scene, values, seat, [...conditions, item.cured]);
    const order = causes.map(({ cause }, at) => {
      const places = (cause?.finding ?? []).map((id) => findings.findIndex((found) => found.id === id)).filter((place) => place >= 0);
      return (held[at]?.[0] ?? 0) > 0 && places.length > 0 ? Math.min(...places) : Infinity;
    });
    const first = Math.min(...order);
    const cures = await Promise.all(item.remedies.map(async (one) =>
      (await this.#everything(item.scene, values, seat, [{ ...item.cured, set: [...item.cured.set, ...one.set] }]))[0]?.[0] ?? 0));
    if ((held[conditions.length]?.[0] ?? 0) > 0) throw new NoSingleAnswer(`${item.id}: it is healthy without a remedy`);
    const say = (id: string, pair: Pair | undefined): Pair => fill(item.why.get(id) ?? pair ?? ["", ""], values);
    const cause: Option[] = causes.map(({ id, cause }, at) => ({ id, text: cause?.text ?? ["", ""], right: order[at] === first && first < Infinity,
      why: say(id, order[at] !== first && (order[at] ?? Infinity) < Infinity ? CONSEQUENCE : cause?.why) }));
    const side = causes.find((_, at) => order[at] === first)?.cause?.side;
    const parts = {
      side: item.sides.map((id): Option => ({ id, text: catalogue.sides.get(id)?.text ?? ["", ""], right: id === side, why: say(id, catalogue.sides.get(id)?.why) })),
      cause,
      remedy: item.remedies.map((one, at): Option => ({ id: one.id, text: catalogue.remedies.get(one.id)?.text ?? ["", ""], right: (cures[at] ?? 0) > 0,
        why: one.why ? fill(one.why, values) : catalogue.remedies.get(one.id)?.why ?? ["", ""] })),
    };
    for (const options of Object.values(parts)) shuffle(options, `${item.id} ${seat}`);
    for (const [part, options] of Object.entries(parts)) {
      const right = options.filter((one) => one.right);
      if (right.length !== 1) throw new NoSingleAnswer(`${item.id}: right for ${part}: ${right.map((one) => one.id).join(", ") || "none"}; found: ${findings.map((one) => one.id).join(", ")}; cured: ${cures.join(", ")}`);
    }
    return { cast: here, at_ns, findings, parts, values };
  }
}

const CONSEQUENCE: Pair = [
  "This is really there, but as a consequence: what you were asked for came before it.",
  "这一现象确实存在，但它是结果；要找的原因在它之前。",
];

const show = (value: number | null | undefined) => (value === null || value === undefined ? "–" : grouped(value));

/** Wrong numbers that are not the right one, each once; two at least, made up if need be. */
function numeric(step: Step, read: readonly (number | null)[]): NumberChoice[] {
  const answer = read[0];
  if (answer === null || answer === undefined) throw new NoSingleAnswer("the answer has no value");
  const seen = new Map<number, Pair | null>([[answer, null]]);
  step.wrong.forEach((one, at) => {
    const value = read[1 + at];
    if (value !== null && value !== undefined && !seen.has(value)) seen.set(value, one.why);
  });
  for (let more = 2; seen.size < 3; more += 1) if (!seen.has(answer * more + 1)) seen.set(answer * more + 1, MADE_UP);
  return [...seen].sort(([a], [b]) => a - b).map(([value, why]) => ({
    text: [`${grouped(value)}${step.unit[0]}`, `${grouped(value)}${step.unit[1]}`] as const, right: value === answer, why,
  }));
}

const MADE_UP: Pair = ["Nothing in this run has that number.", "这次运行中没有任何量等于这个数。"];

const sentences = (step: Step, read: readonly (number | null)[]): NumberChoice[] =>
  step.choices.map((one, at) => ({ text: one.text, right: (read[at] ?? 0) > 0, why: one.why }));

/** Another order for each seat, the same each time. */
function shuffle<T>(list: T[], by: string): T[] {
  let state = [...by].reduce((sum, char) => (Math.imul(sum, 31) + char.charCodeAt(0)) >>> 0, 7);
  for (let at = list.length - 1; at > 0; at--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (at + 1));
    [list[at], list[other]] = [list[other] as T, list[at] as T];
  }
  return list;
}

/** A letter for the nth choice. */
export const letter = (at: number) => String.fromCharCode(65 + at);

export const said = (pair: Pair, values: Readonly<Record<string, string>> = {}) => pick(fill(pair, values));
