// What a learner has done. It stays in this browser, unless they take it along as a file.

const KEY = "halfclose.course";

/** One lesson or case: the answer to each question, and whether it was the right one. */
export interface Done {
  answers: Record<string, { picked: string; right: boolean }>;
  finished: boolean;
}

interface Kept {
  format: 1;
  seat: number;
  items: Record<string, Done>;
}

const nothing = (): Kept => ({ format: 1, seat: 0, items: {} });

function valid(kept: unknown): kept is Kept {
  const { format, seat, items } = (kept ?? {}) as Partial<Kept>;
  return format === 1 && Number.isSafeInteger(seat) && (seat ?? -1) >= 0 && typeof items === "object" && items !== null &&
    Object.values(items).every((done) => typeof done?.answers === "object" && done.answers !== null && typeof done.finished === "boolean");
}

export class Progress {
  #kept: Kept;

  constructor() {
    let kept: unknown = null;
    try {
      kept = JSON.parse(localStorage.getItem(KEY) ?? "null");
    } catch {
      // A browser that keeps nothing, or what is kept is not ours.
    }
    this.#kept = valid(kept) ? kept : nothing();
  }

  get seat(): number {
    return this.#kept.seat;
  }

  set seat(seat: number) {
    this.#kept.seat = seat;
    this.#save();
  }

  of(id: string): Done {
    return this.#kept.items[id] ?? { answers: {}, finished: false };
  }

  answered(id: string, question: string, picked: string, right: boolean): void {
    const done = this.of(id);
    // The first answer counts: it was a prediction.
    done.answers[question] ??= { picked, right };
    this.#kept.items[id] = done;
    this.#save();
  }

  finished(id: string): void {
    this.#kept.items[id] = { ...this.of(id), finished: true };
    this.#save();
  }

  /** As a file. */
  text(): string {
    return `${JSON.stringify(this.#kept, null, 1)}\n`;
  }

  /** From a file; false if it is none of ours. */
  read(text: string): boolean {
    try {
      const kept: unknown = JSON.parse(text);
      if (!valid(kept)) return false;
      this.#kept = kept;
      this.#save();
      return true;
    } catch {
      return false;
    }
  }

  clear(): void {
    this.#kept = nothing();
    this.#save();
  }

  #save(): void {
    try {
      localStorage.setItem(KEY, JSON.stringify(this.#kept));
    } catch {
      // Then it holds until the page is left.
    }
  }
}
