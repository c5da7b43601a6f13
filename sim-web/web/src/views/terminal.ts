// A terminal on a simulated host, in which the commands of the write-up work.

import { h } from "../dom";
import { t } from "../i18n";
import { clientHost } from "./ports";
import { select, View } from "./view";

const MAX_LINES = 2_000;

export class TerminalView extends View {
  readonly name = "terminal";
  /** Below 0 until one is chosen. */
  #host = -1;
  #output = h("pre", { class: "terminal", tabindex: 0 });
  #prompt = h("span", {});
  #line = h("input", {});
  #history: string[] = [];
  #at = 0;
  #ready: Promise<void> | null = null;

  override connectedCallback(): void {
    // Taken out and put back, as when a view is opened beside it, it stays on its host.
    if (this.#host < 0) this.#host = clientHost(this.store.loaded);
    super.connectedCallback();
    this.#prompt.textContent = t("terminal.loading");
    this.#ready = this.store.needTools();
    void this.#showPrompt();
  }

  protected override tools(): Node[] {
    const hosts = this.store.loaded?.hosts ?? [];
    return hosts.length > 1 ? [select(t("view.host"), hosts.map((host, at) => [String(at), host.name]), String(this.#host), (value) => {
      this.#host = Number(value);
      void this.#showPrompt();
    })] : [];
  }

  protected build(): Node[] {
    const old = [...this.#output.childNodes];
    this.#output = h("pre", { class: "terminal", tabindex: 0, role: "log", "aria-label": t("terminal.output") }, ...old);
    this.#prompt = h("span", { class: "ps1" });
    this.#line = h("input", {
      type: "text", spellcheck: false, autocomplete: "off", autocapitalize: "off", "aria-label": t("terminal.label"),
      onkeydown: (event: KeyboardEvent) => this.#key(event),
    });
    void this.#showPrompt();
    return [h("p", { class: "hint" }, t("terminal.hint")), this.#output,
      h("form", { class: "prompt", onsubmit: (event: Event) => { event.preventDefault(); void this.#run(); } },
        this.#prompt, this.#line, h("button", { type: "submit" }, t("terminal.run")))];
  }

  protected update(change = ""): void {
    if (change === "doc") this.#host = Math.min(this.#host, (this.store.loaded?.hosts.length ?? 1) - 1);
  }

  async #showPrompt(): Promise<void> {
    if (!this.#ready) return;
    await this.#ready;
    const host = this.#host;
    const prompt = (await this.store.sim.ask("call", "prompt", Math.min(this.store.line, this.store.frames.length - 1), host)) as string;
    if (host === this.#host) this.#prompt.textContent = prompt;
  }

  #key(event: KeyboardEvent): void {
    if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault();
      this.#at = Math.max(0, Math.min(this.#history.length, this.#at + (event.key === "ArrowUp" ? -1 : 1)));
      this.#line.value = this.#history[this.#at] ?? "";
    } else if (event.key === "Tab" && !event.shiftKey && this.#line.value.trim() !== "") {
      event.preventDefault();
      void this.#complete();
    } else if (event.key === "Escape") {
      this.#line.value = "";
    } else if (event.key === "l" && event.ctrlKey) {
      event.preventDefault();
      this.#output.replaceChildren();
    }
  }

  async #complete(): Promise<void> {
    await this.#ready;
    const typed = this.#line.value;
    const words = (await this.store.sim.ask("call", "complete", Math.min(this.store.line, this.store.frames.length - 1), this.#host, typed)) as string[];
    if (words.length === 0) return;
    const start = typed.search(/[^\s"'|;]*$/);
    const common = words.reduce((prefix, word) => {
      let length = 0;
      while (length < prefix.length && prefix[length] === word[length]) length++;
      return prefix.slice(0, length);
    });
    this.#line.value = typed.slice(0, start) + common + (words.length === 1 ? " " : "");
    if (words.length > 1) this.#print(`${words.join("  ")}\n`);
  }

  async #run(): Promise<void> {
    const line = this.#line.value;
    this.#line.value = "";
    await this.type(line);
  }

  /** The host whose shell it is. */
  set host(host: number) {
    this.#host = host;
    this.render();
  }

  /** Why a line shall not be run, if it shall not. */
  refuse: (line: string) => string = () => "";

  /** Runs a line as if it had been typed. */
  async type(line: string): Promise<void> {
    await this.#ready;
    if (["", t("terminal.loading")].includes(this.#prompt.textContent ?? "")) await this.#showPrompt();
    this.store.pause();
    if (line.trim() !== "") this.#history.push(line);
    this.#at = this.#history.length;
    this.#print(`${this.#prompt.textContent ?? ""}${line}\n`, "ps1");
    if (line.trim() === "clear") {
      this.#output.replaceChildren();
      return;
    }
    const refused = this.refuse(line);
    if (refused) {
      this.#print(`${refused}\n`, "err");
      return;
    }
    try {
      const typed = await this.store.type(this.#host, line);
      if (typed.out) this.#print(typed.out);
      if (typed.err) this.#print(typed.err, "err");
      this.#prompt.textContent = typed.prompt;
    } catch (error) {
      this.#print(`${(error as Error).message}\n`, "err");
    }
  }

  #print(text: string, kind = ""): void {
    const lines = text.split("\n");
    const cut = lines.length > MAX_LINES ? [...lines.slice(0, MAX_LINES), `… ${lines.length - MAX_LINES}`, ""].join("\n") : text;
    this.#output.append(h("span", kind ? { class: kind } : {}, cut));
    while (this.#output.childElementCount > 400) this.#output.firstElementChild?.remove();
    this.#output.scrollTop = this.#output.scrollHeight;
  }
}
