// <half-close scenario="tiny" at="6s" views="states,ports" lang="en" height="520"></half-close>
//
// The page in a frame of another page, at a moment, with some of its views. What the element holds is shown where
// scripts do not run.

const here = new URL(".", import.meta.url);

class HalfClose extends HTMLElement {
  static readonly observedAttributes = ["scenario", "at", "views", "lang", "seed", "link"];
  #frame: HTMLIFrameElement | null = null;

  connectedCallback(): void {
    this.#frame = document.createElement("iframe");
    this.#frame.title = `halfclose: ${this.getAttribute("scenario") ?? "tiny"}`;
    this.#frame.loading = "lazy";
    this.#frame.style.cssText = `width:100%;border:1px solid #8888;border-radius:6px;height:${Number(this.getAttribute("height")) || 560}px`;
    this.#frame.src = this.#link();
    this.replaceChildren(this.#frame);
  }

  attributeChangedCallback(): void {
    if (this.#frame) this.#frame.src = this.#link();
  }

  #link(): string {
    const url = new URL("index.html", here);
    url.searchParams.set("embed", "");
    const lang = this.getAttribute("lang") ?? (this.closest("[lang]")?.getAttribute("lang")?.startsWith("zh") ? "zh" : null);
    if (lang) url.searchParams.set("lang", lang);
    const parts = new URLSearchParams(this.getAttribute("link") ?? "v=1");
    for (const [attribute, key] of [["scenario", "s"], ["at", "t"], ["views", "views"], ["seed", "seed"]] as const) {
      const value = this.getAttribute(attribute);
      if (value) parts.set(key, value);
    }
    url.hash = parts.toString();
    return url.href;
  }
}

if (!customElements.get("half-close")) customElements.define("half-close", HalfClose);
