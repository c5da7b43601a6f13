// Lessons, cases and the workshop as data: what their files may say, read with all problems at once.
// The format is described in sim-web/course/README.md.

import { parse, TomlError } from "smol-toml";

/** English and 中文. */
export type Pair = readonly [string, string];

/** A quantity of the scenario language at a moment; growth since another, per second if so asked. */
export interface Quantity {
  metric: string;
  at: string;
  since: string;
  per: string;
  /** Changes of the scenario it is read in, besides the step's own. */
  set: readonly string[];
}

/** A scenario as a file names it: a preset or a text, and changes. */
export interface Scene {
  preset: string;
  text: string | null;
  set: readonly string[];
  /** Everyone has the scenario's own seed, whatever their seat. */
  same: boolean;
}

export interface Wrong {
  value: Quantity;
  why: Pair;
}

export interface Choice {
  text: Pair;
  holds: Quantity;
  why: Pair;
}

export interface Knob {
  label: Pair;
  set: string;
  values: readonly string[];
  value: Quantity;
  explain: Pair;
}

export interface Step {
  scene: Scene;
  see: string;
  show: readonly string[];
  text: Pair;
  ask: Pair;
  /** A number is asked for, or which of some sentences is true. */
  answer: Quantity | null;
  unit: Pair;
  wrong: readonly Wrong[];
  choices: readonly Choice[];
  numbers: ReadonlyMap<string, Quantity>;
  then: string;
  explain: Pair;
  note: Pair | null;
  knob: Knob | null;
}

/** Whole numbers from `low` to `high` in steps, of which each seat draws one. */
export interface Range {
  low: number;
  high: number;
  step: number;
}

interface Common {
  id: string;
  title: Pair;
  minutes: number;
  notes: Pair;
  /** Values for `{name}` in changes and texts; a class goes through the rows seat by seat. */
  vary: readonly Readonly<Record<string, string>>[];
  /** The same, drawn at random from a range; neighbours draw different ones. */
  random: ReadonlyMap<string, Range>;
}

export interface Lesson extends Common {
  kind: "lesson";
  goal: Pair;
  steps: readonly Step[];
}

export interface Remedy {
  id: string;
  set: readonly string[];
  why: Pair | null;
}

export interface Case extends Common {
  kind: "case";
  level: number;
  story: Pair;
  source: string;
  scene: Scene;
  at: string;
  /** Names for `$client`, `$program`, `$server`, `$daemon` in the catalogue. */
  names: Readonly<Record<string, string>>;
  host: string;
  type: readonly string[];
  hints: readonly string[];
  sides: readonly string[];
  causes: readonly string[];
  remedies: readonly Remedy[];
  cured: Quantity;
  why: ReadonlyMap<string, Pair>;
  explain: Pair;
}

export type Item = Lesson | Case;

export interface Side {
  text: Pair;
  why: Pair;
}

export interface Cause extends Side {
  /** Findings any of which it needs. */
  finding: readonly string[];
  /** What must be above 0 too, if anything. */
  holds: string;
  side: string;
}

export interface Catalogue {
  sides: ReadonlyMap<string, Side>;
  causes: ReadonlyMap<string, Cause>;
  remedies: ReadonlyMap<string, Side>;
}

export interface PlanEntry {
  minutes: number;
  /** A lesson or case; empty for talk, exercise or pause. */
  item: string;
  text: Pair;
}

export interface Plan {
  id: string;
  title: Pair;
  minutes: number;
  entries: readonly PlanEntry[];
}

export interface Workshop {
  codeWord: string;
  plans: readonly Plan[];
}

/** All that is wrong with a file. */
export class DataError extends Error {
  constructor(readonly file: string, readonly problems: readonly string[]) {
    super(`${file}: ${problems.join("; ")}`);
  }
}

type Table = Record<string, unknown>;

/** Reads fields and remembers what is wrong with them, and which there are. */
class Reader {
  readonly problems: string[] = [];

  open(value: unknown, where: string): Fields {
    const plain = typeof value === "object" && value !== null && !Array.isArray(value);
    if (!plain) this.problems.push(`${where}: a table is wanted`);
    return new Fields(this, plain ? (value as Table) : {}, where);
  }
}

class Fields {
  readonly #known = new Set<string>();

  constructor(readonly reader: Reader, readonly table: Table, readonly where: string) {}

  #take(key: string): unknown {
    this.#known.add(key);
    return this.table[key];
  }

  has(key: string): boolean {
    return this.table[key] !== undefined;
  }

  bad(key: string, wanted: string): void {
    this.reader.problems.push(`${this.where}${key}: ${wanted}`);
  }

  text(key: string, fallback?: string): string {
    const value = this.#take(key);
    if (typeof value === "string" || typeof value === "number" || typeof value === "bigint") return String(value);
    if (value !== undefined || fallback === undefined) this.bad(key, "a text is wanted");
    return fallback ?? "";
  }

  number(key: string): number {
    const value = this.#take(key);
    if (typeof value !== "number") this.bad(key, "a number is wanted");
    return typeof value === "number" ? value : 0;
  }

  flag(key: string): boolean {
    return this.#take(key) === true;
  }

  pair(key: string, fallback?: Pair): Pair {
    const value = this.#take(key);
    if (Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === "string" && one !== "")) {
      return [String(value[0]), String(value[1])];
    }
    if (value !== undefined || fallback === undefined) this.bad(key, "[\"English\", \"中文\"] is wanted");
    return fallback ?? ["", ""];
  }

  texts(key: string): string[] {
    const value = this.#take(key);
    if (value === undefined) return [];
    const list = Array.isArray(value) ? value : [value];
    if (!list.every((one) => typeof one === "string" || typeof one === "number")) this.bad(key, "a list of texts is wanted");
    return list.map(String);
  }

  ranges(key: string): Map<string, Range> {
    const read = new Map<string, Range>();
    if (!this.has(key)) return read;
    const inner = this.inner(key);
    for (const name of Object.keys(inner.table)) {
      const numbers = inner.texts(name).map(Number);
      const [low = NaN, high = NaN, step = 1] = numbers;
      const good = numbers.length <= 3 && [low, high, step].every(Number.isSafeInteger) && step > 0 && low + step <= high && (high - low) / step < 10_000;
      if (good) read.set(name, { low, high, step });
      else inner.bad(name, "[LOW, HIGH] or [LOW, HIGH, STEP] is wanted, in whole numbers, with two values at least");
    }
    return read;
  }

  tables(key: string): Fields[] {
    const value = this.#take(key);
    if (value === undefined) return [];
    if (!Array.isArray(value)) this.bad(key, "a list of tables is wanted");
    return Array.isArray(value) ? value.map((one, at) => this.reader.open(one, `${this.where}${key} ${at + 1}: `)) : [];
  }

  inner(key: string): Fields {
    return this.reader.open(this.#take(key), `${this.where}${key}.`);
  }

  named(key: string): [string, Fields][] {
    if (!this.has(key)) return [];
    const inner = this.inner(key);
    return Object.keys(inner.table).map((name) => [name, inner.inner(name)]);
  }

  /** Every field that nobody asked for is a problem. */
  end(): void {
    for (const key of Object.keys(this.table)) {
      if (!this.#known.has(key)) this.bad(key, "there is no such field");
    }
  }
}

function quantity(fields: Fields, at = ""): Quantity {
  const read = {
    metric: fields.text("metric"), at: fields.text("at", at || undefined), since: fields.text("since", ""), per: fields.text("per", ""),
    set: fields.texts("set"),
  };
  return read;
}

function whole(fields: Fields, at = ""): Quantity {
  const read = quantity(fields, at);
  fields.end();
  return read;
}

function scene(fields: Fields): Scene {
  const text = fields.text("toml", "");
  const preset = fields.text("preset", text ? "tiny" : undefined);
  return { preset, text: text || null, set: fields.texts("set"), same: fields.flag("same_for_all") };
}

function step(fields: Fields): Step {
  const asked = fields.has("answer") ? whole(fields.inner("answer")) : null;
  const at = asked?.at ?? "";
  const wrong = fields.tables("wrong").map((one): Wrong => {
    const read = { value: quantity(one, at), why: one.pair("why") };
    one.end();
    return read;
  });
  const choices = fields.tables("choice").map((one): Choice => {
    const read = { text: one.pair("text"), holds: whole(one.inner("holds")), why: one.pair("why") };
    one.end();
    return read;
  });
  if ((asked === null) === (choices.length === 0)) fields.bad("answer", "either an answer or choices are wanted");
  if (asked && wrong.length < 2) fields.bad("wrong", "at least two wrong answers are wanted");
  let knob: Knob | null = null;
  if (fields.has("knob")) {
    const inner = fields.inner("knob");
    knob = {
      label: inner.pair("label"), set: inner.text("set"), values: inner.texts("values"), explain: inner.pair("explain"),
      value: inner.has("value") ? whole(inner.inner("value"), at) : asked ?? { metric: "0", at: "end", since: "", per: "", set: [] },
    };
    if (!inner.has("value") && !asked) inner.bad("value", "a quantity is wanted");
    if (!knob.set.includes("{}")) inner.bad("set", "{} is wanted in it, for the value");
    inner.end();
  }
  const read: Step = {
    scene: scene(fields), see: fields.text("see"), show: fields.texts("show"), text: fields.pair("text", ["", ""]), ask: fields.pair("ask"),
    answer: asked, unit: fields.pair("unit", ["", ""]), wrong, choices,
    numbers: new Map(fields.named("number").map(([name, inner]) => [name, whole(inner, at)])),
    then: fields.text("then", at || choices[0]?.holds.at), explain: fields.pair("explain"),
    note: fields.has("note") ? fields.pair("note") : null, knob,
  };
  fields.end();
  return read;
}

function common(fields: Fields, id: string): Common {
  const format = fields.number("format");
  if (format !== 1) fields.bad("format", "this page reads format 1");
  return {
    id, title: fields.pair("title"), minutes: fields.number("minutes"), notes: fields.pair("notes"),
    vary: fields.tables("vary").map((row) => Object.fromEntries(Object.entries(row.table).map(([key, value]) => [key, String(value)]))),
    random: fields.ranges("random"),
  };
}

function lesson(fields: Fields, id: string): Lesson {
  const read: Lesson = { kind: "lesson", ...common(fields, id), goal: fields.pair("goal"), steps: fields.tables("step").map(step) };
  if (read.steps.length === 0) fields.bad("step", "at least one is wanted");
  return read;
}

function blind(fields: Fields, id: string, catalogue: Catalogue): Case {
  const names = fields.inner("names");
  const read: Case = {
    kind: "case", ...common(fields, id), level: fields.number("level"), story: fields.pair("story"), source: fields.text("source", ""),
    scene: scene(fields), at: fields.text("at"),
    names: Object.fromEntries(["client", "program", "server", "daemon"].map((name) => [name, names.text(name)])),
    host: fields.text("host"), type: fields.texts("type"), hints: fields.texts("hints"),
    sides: fields.texts("sides"), causes: fields.texts("causes"),
    remedies: fields.named("remedy").map(([name, inner]) => {
      const one = { id: name, set: inner.texts("set"), why: inner.has("why") ? inner.pair("why") : null };
      inner.end();
      return one;
    }),
    cured: whole(fields.inner("cured")), explain: fields.pair("explain"), why: new Map(),
  };
  if (fields.has("why")) {
    const why = fields.inner("why");
    read.why = new Map(Object.keys(why.table).map((name) => [name, why.pair(name)]));
  }
  names.end();
  if (![1, 2, 3].includes(read.level)) fields.bad("level", "1, 2 or 3 is wanted");
  const lists = [[read.sides, catalogue.sides, "sides"], [read.causes, catalogue.causes, "causes"],
    [read.remedies.map((one) => one.id), catalogue.remedies, "remedy"]] as const;
  for (const [listed, known, key] of lists) {
    if (listed.length < 2) fields.bad(key, "at least two are wanted");
    for (const name of listed) if (!known.has(name)) fields.bad(key, `the catalogue has no ${name}`);
  }
  return read;
}

function table(file: string, text: string): [Reader, Fields] {
  const reader = new Reader();
  try {
    return [reader, reader.open(parse(text), "")];
  } catch (error) {
    if (error instanceof TomlError) throw new DataError(file, [`line ${error.line}, column ${error.column}: ${error.message.split("\n")[0]}`]);
    throw error;
  }
}

function finished<T>(reader: Reader, fields: Fields, file: string, read: T): T {
  fields.end();
  if (reader.problems.length > 0) throw new DataError(file, reader.problems);
  return read;
}

/** Reads a lesson or a case; its name is the file's. */
export function readItem(file: string, text: string, catalogue: Catalogue): Item {
  const id = file.replace(/^.*\//, "").replace(/\.toml$/, "").replace(/^\d+-/, "");
  const [reader, fields] = table(file, text);
  const kind = fields.text("kind");
  if (kind !== "lesson" && kind !== "case") fields.bad("kind", "lesson or case is wanted");
  return finished(reader, fields, file, kind === "case" ? blind(fields, id, catalogue) : lesson(fields, id));
}

export function readCatalogue(file: string, text: string): Catalogue {
  const [reader, fields] = table(file, text);
  const map = <T>(key: string, read: (fields: Fields) => T) => new Map(fields.named(key).map(([name, inner]) => {
    const value = read(inner);
    inner.end();
    return [name, value] as const;
  }));
  const side = (inner: Fields): Side => ({ text: inner.pair("text"), why: inner.pair("why") });
  return finished(reader, fields, file, {
    sides: map("side", side), remedies: map("remedy", side),
    causes: map("cause", (inner) => ({ ...side(inner), finding: inner.texts("finding"), holds: inner.text("holds", ""), side: inner.text("side") })),
  });
}

export function readWorkshop(file: string, text: string): Workshop {
  const [reader, fields] = table(file, text);
  const plans = fields.tables("plan").map((one): Plan => {
    const entries = one.tables("entry").map((entry): PlanEntry => {
      const read = { minutes: entry.number("minutes"), item: entry.text("item", ""), text: entry.pair("text") };
      entry.end();
      return read;
    });
    const read = { id: one.text("id"), title: one.pair("title"), minutes: one.number("minutes"), entries };
    if (entries.reduce((sum, entry) => sum + entry.minutes, 0) > read.minutes) one.bad("entry", "they take longer than the plan");
    one.end();
    return read;
  });
  return finished(reader, fields, file, { codeWord: fields.text("code_word"), plans });
}
