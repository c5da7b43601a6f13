// Numbers and times as people read them.

/** 28231 as 28,231. */
export function grouped(value: number): string {
  return String(Math.trunc(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** A moment in seconds, to the microsecond where it matters. */
export function clock(ns: number, digits = 6): string {
  return `${(ns / 1e9).toFixed(digits)} s`;
}

/** A span in its own unit. */
export function span(ns: number): string {
  if (ns < 1e3) return `${ns} ns`;
  if (ns < 1e6) return `${trim(ns / 1e3)} µs`;
  if (ns < 1e9) return `${trim(ns / 1e6)} ms`;
  return `${trim(ns / 1e9)} s`;
}

function trim(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** The exact moment for a link: `5.000000001s`, without idle zeros. */
export function moment(ns: number): string {
  const whole = Math.floor(ns / 1e9);
  const rest = String(Math.round(ns - whole * 1e9)).padStart(9, "0").replace(/0+$/, "");
  return rest ? `${whole}.${rest}s` : `${whole}s`;
}

/** Reads `12.4s`, `12.4`, `300ms`; null if it is none. */
export function parseMoment(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ns|us|ms|s|)$/.exec(text.trim());
  if (!match) return null;
  const [, digits = "0", unit] = match;
  const power = { ns: 0, us: 3, ms: 6, s: 9, "": 9 }[unit as "ns"];
  const [whole = "0", part = ""] = digits.split(".");
  return Number(whole) * 10 ** power + Math.round(Number(`0.${part || 0}`) * 10 ** power);
}

/** Bytes as `hexdump -C` prints them: offset, hexadecimal, text. */
export function hexdump(bytes: readonly number[]): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.slice(at, at + 16);
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0"));
    const cells = `${hex.slice(0, 8).join(" ").padEnd(23)}  ${hex.slice(8).join(" ").padEnd(23)}`;
    const chars = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${cells}  |${chars}|`);
  }
  return lines.join("\n");
}
