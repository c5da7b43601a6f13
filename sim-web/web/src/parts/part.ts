// What the fixed parts of the page share: they are drawn, and hear of changes while they are in the page.

import type { Change, Store } from "../store";

export abstract class Part extends HTMLElement {
  store!: Store;
  #ends = new AbortController();

  connectedCallback(): void {
    this.#ends = new AbortController();
    this.render();
    this.store.listen((change) => (change === "language" ? this.render() : this.update(change)), this.#ends.signal);
  }

  disconnectedCallback(): void {
    this.#ends.abort();
  }

  abstract render(): void;
  abstract update(change: Change): void;
}
