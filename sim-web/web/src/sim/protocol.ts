// What passes between page and worker, besides the messages of ../wire.

import type { Progress } from "../wire";

/** A call of a method of the simulator, or of the worker itself. */
export interface Call {
  id: number;
  method: string;
  args: unknown[];
}

/** What a view wants to know of each moment it is shown. */
export interface Want {
  method: "ports" | "sockets" | "unread" | "descriptors" | "processlist" | "log" | "follow" | "probe";
  args: (string | number | boolean)[];
}

/** What a moment came to: the answers to the wants under their keys. */
export interface Look {
  frames: string[];
  answers: Record<string, string | Uint8Array>;
  took: number;
}

/** A scenario to load: a packed preset, or a text with changes. */
export interface Load {
  packed?: Uint8Array;
  text?: string;
  preset?: string;
  sets: string;
  seed: number | null;
  chinese: boolean;
}

export type Reply =
  | { kind: "answer"; id: number; value: unknown }
  | { kind: "failure"; id: number; error: string }
  | { kind: "progress"; line: number; progress: Progress; series: Float64Array }
  | { kind: "need"; module: "reader" | "tools" };
