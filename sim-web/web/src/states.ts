// The eleven states: how each looks. Colours are Okabe and Ito's or shades of them; none is told by its colour alone.

/** In the order of the model. */
export const STATES = [
  "CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",
  "LAST-ACK", "TIME-WAIT",
] as const;

export const CLOSED = 0;
export const LISTEN = 1;
export const ESTABLISHED = 4;
export const FIN_WAIT_2 = 6;
export const CLOSE_WAIT = 7;
export const TIME_WAIT = 10;

/** Its sign where there is room for one letter. */
export const LETTERS = ["–", "L", "s", "r", "E", "f", "F", "C", "g", "A", "T"] as const;

/** Red, green, blue on a canvas. */
export const COLORS: readonly (readonly [number, number, number])[] = [
  [150, 150, 150], [110, 110, 110], [240, 200, 60], [214, 170, 30], [0, 114, 178], [120, 190, 150], [86, 180, 233],
  [213, 94, 0], [160, 140, 60], [0, 158, 115], [190, 110, 160],
];

export function css(state: number): string {
  const [r, g, b] = COLORS[state] ?? [128, 128, 128];
  return `rgb(${r} ${g} ${b})`;
}

/** Black or white, whichever is read better on it (WCAG's relative luminance). */
export function ink(state: number): string {
  const [r, g, b] = (COLORS[state] ?? [128, 128, 128]).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0) > 0.179 ? "#000" : "#fff";
}
