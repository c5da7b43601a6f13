// What a page shows, as data: the scenario and what was done to it; and its short, versioned link.

import { moment, parseMoment } from "./format";

/** Something done to the world at a moment. */
export interface Act {
  at_ns: number;
  /** Arguments of the simulator's `act`. */
  args: [string, string, string, string];
  /** The same in the scenario language. */
  toml: string;
}

/** All that a link tells. */
export interface Doc {
  /** Name of the preset underneath. */
  preset: string;
  /** Another text instead of the preset's. */
  text: string | null;
  /** `key=value` changes, one a line. */
  sets: string;
  seed: number | null;
  acts: Act[];
  at_ns: number;
  views: string[];
  /** Changes of a second timeline that forks at a moment. */
  fork: { at_ns: number; acts: Act[] } | null;
}

/** The version of links that this page writes and reads. */
export const LINK_VERSION = 1;
/** Longer parts are deflated; bytes of UTF-8. */
const PLAIN_MAX = 300;

export class LinkVersion extends Error {
  constructor(readonly version: string) {
    super(`link version ${version}`);
  }
}

const encodeAct = (act: Act) => [moment(act.at_ns), ...act.args].map(encodeURIComponent).join("~").replace(/~+$/, "");

function decodeAct(text: string): Act | null {
  const [at = "", what = "", a = "", b = "", c = ""] = text.split("~").map(decodeURIComponent);
  const at_ns = parseMoment(at);
  return at_ns === null || !what ? null : { at_ns, args: [what, a, b, c], toml: "" };
}

/** Only what differs from the preset as it is first met. */
export async function encode(doc: Doc, defaults: { at_ns: number; views: string[] }): Promise<string> {
  const parts: [string, string][] = [["v", String(LINK_VERSION)], ["s", doc.preset]];
  if (doc.seed !== null) parts.push(["seed", String(doc.seed)]);
  for (const set of doc.sets.split("\n").filter(Boolean)) parts.push(["set", set]);
  for (const act of doc.acts) parts.push(["do", encodeAct(act)]);
  if (doc.fork) {
    parts.push(["fork", moment(doc.fork.at_ns)]);
    for (const act of doc.fork.acts) parts.push(["b", encodeAct(act)]);
  }
  if (doc.at_ns !== defaults.at_ns || doc.acts.length > 0) parts.push(["t", moment(doc.at_ns)]);
  if (doc.views.join() !== defaults.views.join()) parts.push(["views", doc.views.join(",")]);
  if (doc.text !== null) parts.push(["x", await squeeze(doc.text)]);
  return parts.map(([key, value]) => `${key}=${percent(value)}`).join("&");
}

/** Neither a shell's quotes nor a text around it end such a link. sim-core/src/link.rs writes the same. */
const percent = (value: string) => encodeURIComponent(value)
  .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
  .replace(/%2C/g, ",").replace(/%20/g, "+");

/** Reads a link's part after `#`. What it does not say is left out. Unreadable parts are named. */
export async function decode(hash: string): Promise<{ doc: Partial<Doc>; bad: string[] }> {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const version = parameters.get("v");
  const doc: Partial<Doc> = {};
  const bad: string[] = [];
  if (parameters.size === 0) return { doc, bad };
  if (version !== null && version !== String(LINK_VERSION)) throw new LinkVersion(version);
  const acts = (key: string): Act[] => parameters.getAll(key).flatMap((text) => {
    const act = decodeAct(text);
    if (!act) bad.push(text);
    return act ? [act] : [];
  });
  const time = (key: string): number | undefined => {
    const text = parameters.get(key);
    if (text === null) return undefined;
    const ns = parseMoment(text);
    if (ns === null) bad.push(`${key}=${text}`);
    return ns ?? undefined;
  };
  const preset = parameters.get("s");
  if (preset) doc.preset = preset;
  const seed = parameters.get("seed");
  if (seed !== null) {
    if (/^\d+$/.test(seed) && Number.isSafeInteger(Number(seed))) doc.seed = Number(seed);
    else bad.push(`seed=${seed}`);
  }
  doc.sets = parameters.getAll("set").join("\n");
  doc.acts = acts("do");
  const at = time("t");
  if (at !== undefined) doc.at_ns = at;
  const fork = time("fork");
  if (fork !== undefined) doc.fork = { at_ns: fork, acts: acts("b") };
  const views = parameters.get("views");
  if (views) doc.views = views.split(",").filter(Boolean);
  const text = parameters.get("x");
  if (text) {
    const read = await unsqueeze(text);
    if (read === null) bad.push("x");
    else doc.text = read;
  }
  return { doc, bad };
}

/** A long text is deflated; the first letter says which. */
async function squeeze(text: string): Promise<string> {
  if (new TextEncoder().encode(text).length <= PLAIN_MAX) return `p${text}`;
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return `z${btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "")}`;
}

async function unsqueeze(text: string): Promise<string | null> {
  if (text.startsWith("p")) return text.slice(1);
  if (!text.startsWith("z")) return null;
  try {
    const binary = atob(text.slice(1).replace(/-/g, "+").replace(/_/g, "/"));
    const bytes = Uint8Array.from(binary, (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return await new Response(stream).text();
  } catch {
    return null;
  }
}
