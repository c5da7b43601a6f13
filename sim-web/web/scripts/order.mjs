// An order of functions in which those that resemble each other are neighbours: deflate sees only the last 32 kB.

/** Bytes that are compared as one. */
const SHINGLE = 5;
/** What is common to more functions than this tells nothing. */
const COMMON = 60;
/** The next function resembles the last so many bytes. */
const WINDOW = 8000;

/** Places of `bodies` in such an order. */
export function alike(bodies) {
  const having = new Map();
  const shingles = bodies.map((code, index) => {
    const own = new Set();
    for (let at = 0; at + SHINGLE <= code.length; at++) own.add(code.toString("latin1", at, at + SHINGLE));
    for (const one of own) {
      const list = having.get(one);
      if (list) list.push(index);
      else having.set(one, [index]);
    }
    return own;
  });
  const telling = shingles.map((own) => [...own].map((one) => having.get(one))
    .filter((list) => list.length > 1 && list.length < COMMON));
  const weight = (list) => 1 / Math.log2(1 + list.length);
  const all = telling.map((lists) => 1 + lists.reduce((sum, list) => sum + weight(list), 0));
  const seen = new Map();
  const score = new Float64Array(bodies.length);
  /** A function comes into sight or leaves it. */
  const move = (index, step) => {
    for (const list of telling[index]) {
      const before = seen.get(list) ?? 0;
      seen.set(list, before + step);
      if (before === 0 || before + step === 0) for (const other of list) score[other] += step * weight(list);
    }
  };
  const left = new Set(bodies.keys());
  const order = [];
  let [first, size] = [0, 0];
  for (let next = largest(left, bodies); next >= 0;) {
    order.push(next);
    left.delete(next);
    move(next, 1);
    size += bodies[next].length;
    while (size > WINDOW && first < order.length - 1) {
      move(order[first], -1);
      size -= bodies[order[first++]].length;
    }
    let best = 0.001;
    next = -1;
    for (const index of left) {
      if (score[index] / all[index] > best) [next, best] = [index, score[index] / all[index]];
    }
    if (next < 0) next = largest(left, bodies);
  }
  return order;
}

function largest(left, bodies) {
  let found = -1;
  for (const index of left) if (found < 0 || bodies[index].length > bodies[found].length) found = index;
  return found;
}
