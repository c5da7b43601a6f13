// Constants that only functions of the other half speak of travel with it.
import { bodies, CODE, DATA, dataSection, joined, linking, names, sections, segments } from "./wasm.mjs";

/** A gap between two pieces that costs less than a piece of its own. */
const SMALL = 12;

/**
 * Takes constants out of `main`, gives them to `rest`. `linked` is the whole module as the linker wrote it, with its
 * relocations; `gone` are the names of functions in `rest`. What no symbol covers, and what can change, stays.
 */
export function dataParted(linked, gone, main, rest) {
  const needed = neededData(linked, gone);
  const [constant] = segments(linked);
  const stays = new Uint8Array(constant.bytes.length).fill(1);
  // Symbols may overlap: what is used has the last word.
  for (const use of [false, true]) {
    for (const { symbol: { segment, offset, size }, used } of needed) {
      if (used === use && segment === 0) stays.fill(Number(use), offset, offset + size);
    }
  }
  const pieces = [];
  for (let at = 0; at < stays.length; at++) {
    if (stays[at]) continue;
    const last = pieces.at(-1);
    if (last && at - last.end <= SMALL) last.end = at + 1;
    else pieces.push({ start: at, end: at + 1 });
  }
  const moved = pieces.map(({ start, end }) => ({ from: constant.from + start, bytes: constant.bytes.slice(start, end) }));
  const place = segments(main).find(({ from }) => from === constant.from);
  if (!place || Buffer.compare(place.bytes, constant.bytes) !== 0) throw new Error("constants are not where the linker put them");
  // Zeros weigh next to nothing.
  stays.forEach((stay, at) => { if (!stay) place.bytes[at] = 0; });
  const parts = sections(rest);
  if (parts.some(({ id }) => id === DATA)) throw new Error("the other half has data of its own");
  parts.splice(parts.findIndex(({ id }) => id === CODE) + 1, 0, dataSection(moved));
  return joined(parts);
}

/** All symbols of data, and whether a function that stays can come to them. */
function neededData(linked, gone) {
  const { symbols, code, data } = linking(linked);
  const parts = segments(linked);
  const known = symbols.filter(({ kind, size }) => kind === 1 && size > 0);
  // What can change may come to anything.
  const reached = new Set(known.filter(({ segment }) => segment !== 0));
  const reach = (number) => { if (symbols[number].kind === 1) reached.add(symbols[number]); };
  const called = names(linked);
  const often = new Map();
  for (const name of called.values()) often.set(name, (often.get(name) ?? 0) + 1);
  const own = bodies(linked);
  const first = called.size - own.length;
  own.forEach(({ at, code: body }, index) => {
    const name = called.get(first + index);
    // A name that two have says nothing about either.
    if (gone.has(name) && often.get(name) === 1) return;
    for (const one of code) if (one.at >= at && one.at < at + body.length) reach(one.symbol);
  });
  for (const symbol of reached) {
    const from = parts[symbol.segment].at + symbol.offset;
    for (const one of data) if (one.at >= from && one.at < from + symbol.size) reach(one.symbol);
  }
  return known.map((symbol) => ({ symbol, used: reached.has(symbol) }));
}
