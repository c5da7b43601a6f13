// Reads and changes WebAssembly files: sections, function bodies, names, and what a linker wrote about symbols.

const CUSTOM = 0;
export const CODE = 10;
export const DATA = 11;
const WORDS = new TextDecoder();

/** A place in a file that moves on with what is read there. */
class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }
  byte() {
    return this.bytes[this.at++];
  }
  /** A number below 2⁵³, as LEB128; of a negative one only the length counts. */
  number() {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }
  /** The next so many bytes, not copied. */
  take(length) {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
  word() {
    return WORDS.decode(this.take(this.number()));
  }
  list(read) {
    return Array.from({ length: this.number() }, read);
  }
}

export function number(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

/** An address, which is a signed number in code. */
function address(value) {
  const bytes = number(value);
  if (bytes.at(-1) > 63) {
    bytes.push(0);
    bytes[bytes.length - 2] |= 128;
  }
  return bytes;
}

/** Every section: its kind, the name of a custom one, and its content. */
export function sections(file) {
  const found = [];
  for (const reader = new Reader(file, 8); reader.at < file.length;) {
    const id = reader.byte();
    const content = reader.take(reader.number());
    found.push({ id, content, name: id === CUSTOM ? new Reader(content).word() : "" });
  }
  return found;
}

export function joined(list) {
  return Buffer.concat([Buffer.from("\0asm\x01\0\0\0", "latin1"),
    ...list.flatMap(({ id, content }) => [Buffer.from([id, ...number(content.length)]), content])]);
}

const content = (file, wanted) => sections(file).find(({ id, name }) => (id === CUSTOM ? name : id) === wanted)?.content;

function inside(file, name) {
  const found = content(file, name);
  if (!found) throw new Error(`the module has no section ${name}`);
  const reader = new Reader(found);
  reader.word();
  return reader;
}

/** The functions' bodies and where in the section of code each is. */
export function bodies(file) {
  const reader = new Reader(content(file, CODE));
  return reader.list(() => {
    const length = reader.number();
    return { at: reader.at, code: reader.take(length) };
  });
}

/** Names of functions by their numbers, imported ones first. */
export function names(file) {
  const reader = inside(file, "name");
  const found = new Map();
  while (reader.at < reader.bytes.length) {
    const kind = reader.byte();
    const end = reader.number() + reader.at;
    if (kind === 1) reader.list(() => found.set(reader.number(), reader.word()));
    reader.at = end;
  }
  return found;
}

/** Data with addresses known from the start, and where in the section of data each is. */
export function segments(file) {
  const reader = new Reader(content(file, DATA));
  return reader.list(() => {
    if (reader.byte() !== 0 || reader.byte() !== 0x41) throw new Error("data of a kind that is not known here");
    const from = reader.number();
    if (reader.byte() !== 0x0b) throw new Error("data at an address that is computed");
    const length = reader.number();
    return { from, at: reader.at, bytes: reader.take(length) };
  });
}

/** A section of data that puts bytes at their addresses. */
export function dataSection(list) {
  const parts = list.map(({ from, bytes }) => Buffer.from([0, 0x41, ...address(from), 0x0b, ...number(bytes.length), ...bytes]));
  return { id: DATA, name: "", content: Buffer.concat([Buffer.from(number(list.length)), ...parts]) };
}

/** What a linker that keeps relocations says: its symbols, and where code and data name them. */
export function linking(file) {
  const reader = inside(file, "linking");
  reader.number();
  let symbols = [];
  while (reader.at < reader.bytes.length) {
    const kind = reader.byte();
    const end = reader.number() + reader.at;
    if (kind === 8) symbols = reader.list(() => symbol(reader));
    reader.at = end;
  }
  return { symbols, code: relocations(file, "reloc.CODE"), data: relocations(file, "reloc.DATA") };
}

const UNDEFINED = 0x10;
const NAMED = 0x40;

function symbol(reader) {
  const kind = reader.byte();
  const flags = reader.number();
  if (kind === 3) return { kind, index: reader.number() };
  if (kind === 1) {
    const name = reader.word();
    return flags & UNDEFINED ? { kind, name }
      : { kind, name, segment: reader.number(), offset: reader.number(), size: reader.number() };
  }
  return { kind, index: reader.number(), name: !(flags & UNDEFINED) || flags & NAMED ? reader.word() : "" };
}

/** Kinds of relocation that have an addend. */
const ADDED = new Set([3, 4, 5, 8, 9, 11, 14, 15, 16, 17, 21, 22, 23]);

function relocations(file, name) {
  const reader = inside(file, name);
  reader.number();
  return reader.list(() => {
    const kind = reader.byte();
    const [at, symbol] = [reader.number(), reader.number()];
    if (ADDED.has(kind)) reader.number();
    return { at, symbol };
  });
}
