// The whole port range, one cell a port: even numbers left, odd ones right, as connect() looks at them.

import { h, s, text } from "../dom";
import { grouped, span } from "../format";
import { t } from "../i18n";
import { COLORS, css, ink, LETTERS, STATES } from "../states";
import type { Want } from "../sim/protocol";
import type { Probe } from "../wire";
import { select, table, tick, twin, View } from "./view";

/** Up to here each port is a labelled cell. */
const FEW = 256;
/** Columns of each half of the map. */
const COLUMNS = 128;

export class PortsView extends View {
  readonly name = "ports";
  #host = 0;
  #far = false;
  #showProbe = false;
  #probe: Probe | null = null;
  #probing = false;
  #canvas = h("canvas", { class: "map", role: "img" });
  #cells = h("div", { class: "cells" });
  #line = h("p", { class: "legend" });
  #said = h("div", { class: "probe" });
  #cursor = h("p", { class: "hint cursor" });
  #counts = h("div", {});
  #range = [0, 0];
  #bytes: Uint8Array | null = null;

  protected override tools(): Node[] {
    const hosts = this.store.loaded?.hosts ?? [];
    return [
      ...(hosts.length > 1 ? [select(t("view.host"), hosts.map((host, at) => [String(at), host.name]), String(this.#host), (value) => {
        this.#host = Number(value);
        void this.store.refresh();
      })] : []),
      select(t("ports.side"), [["near", t("ports.near")], ["far", t("ports.far")]], this.#far ? "far" : "near", (value) => {
        this.#far = value === "far";
        void this.store.refresh();
      }),
    ];
  }

  protected build(): Node[] {
    this.#canvas = h("canvas", { class: "map", role: "img", onpointermove: (event: PointerEvent) => this.#point(event) });
    this.#canvas.setAttribute("aria-label", t("ports.canvas"));
    this.#cells = h("div", { class: "cells", role: "list" });
    this.#line = h("p", { class: "legend" });
    this.#said = h("div", { class: "probe" });
    this.#cursor = h("p", { class: "hint cursor" });
    this.#counts = h("div", {});
    return [this.#line, this.#cells, this.#canvas, this.#cursor,
      tick(t("ports.probe"), this.#showProbe, (on) => {
        this.#showProbe = on;
        this.#probe = null;
        void this.store.refresh();
      }), this.#said, twin(this.#counts)];
  }

  protected override want(): Want {
    return { method: "ports", args: [this.#host, this.#far] };
  }

  protected update(change = ""): void {
    if (change === "doc") {
      this.#host = clientHost(this.store.loaded);
      this.render();
    }
    const bytes = this.store.answers[this.uid];
    const frame = this.store.frame?.hosts[this.#host];
    if (!(bytes instanceof Uint8Array) || !frame || change === "progress" || change === "clock") return;
    this.#bytes = bytes;
    const [low, high] = frame.range;
    this.#range = [low, high];
    const count = high - low + 1;
    const counts = new Array<number>(STATES.length + 1).fill(0);
    for (let port = low; port <= high; port++) counts[bytes[port] ?? 0]!++;
    text(this.#line, t("ports.legend", low, high, grouped(count), grouped(count - (counts[0] ?? 0))));
    this.#line.append(...counts.slice(1).flatMap((number, state) => number > 0 ? [h("span", { class: "chip" },
      badge(state), `${STATES[state]} ${grouped(number)}`)] : []));
    const few = count <= FEW;
    this.#cells.hidden = !few;
    this.#canvas.hidden = few;
    this.#cursor.hidden = few;
    const probed = this.#probedPorts();
    if (few) this.#drawCells(bytes, low, high, probed);
    else this.#drawMap(bytes, low, high, probed);
    this.#counts.replaceChildren(table([t("states.count"), t("ports.even"), t("ports.odd")],
      [-1, ...STATES.keys()].flatMap((state) => {
        let [even, odd] = [0, 0];
        for (let port = low; port <= high; port++) if (bytes[port] === state + 1) port % 2 ? odd++ : even++;
        return even + odd > 0 ? [[state < 0 ? t("ports.free") : STATES[state] ?? "", even, odd]] : [];
      })));
    if (this.#showProbe && change === "moment") void this.#ask();
    if (!this.#showProbe) this.#said.replaceChildren();
  }

  async #ask(): Promise<void> {
    if (this.#probing) return;
    this.#probing = true;
    const now = this.store.now;
    try {
      this.#probe = await this.store.sim.json<Probe | null>("probe", Math.min(this.store.line, this.store.frames.length - 1), this.#host);
      this.#say();
      if (this.#bytes) this.update();
    } finally {
      this.#probing = false;
    }
    // The last moment is told, however fast they came.
    if (this.#showProbe && this.store.now !== now) void this.#ask();
  }

  #say(): void {
    const probe = this.#probe;
    if (!probe) {
      this.#said.replaceChildren();
      return;
    }
    const cost = span(probe.cost_ns);
    const [reserved = 0, bound = 0, used = 0, waiting = 0] = probe.kinds;
    this.#said.replaceChildren(
      h("p", { class: probe.taken === null ? "bad" : "" }, probe.taken === null
        ? t("ports.vain", probe.destination, grouped(probe.inspected), cost)
        : t("ports.probed", probe.destination, grouped(probe.inspected), cost, probe.taken)),
      h("p", { class: "hint" }, t("ports.kinds", grouped(used), grouped(waiting), grouped(bound), grouped(reserved)), " ",
        t("ports.parity", probe.low % 2 ? t("ports.odd") : t("ports.even"))));
  }

  /** Place on its path, from 1, of each candidate. */
  #probedPorts(): Map<number, number> {
    const order = new Map<number, number>();
    if (!this.#showProbe || !this.#probe) return order;
    for (const [first, count, step] of this.#probe.runs) {
      for (let at = 0; at < count; at++) order.set(first + at * step, order.size + 1);
    }
    return order;
  }

  #drawCells(bytes: Uint8Array, low: number, high: number, probed: Map<number, number>): void {
    const cell = (port: number) => {
      const code = bytes[port] ?? 0;
      const state = code - 1;
      const name = code === 0 ? t("ports.free") : STATES[state] ?? "";
      const order = probed.get(port);
      return h("span", {
        class: `cell${code === 0 ? " free" : ""}${order ? " probed" : ""}`, role: "listitem", title: t("ports.port", port, name),
        "aria-label": t("ports.port", port, name), style: code === 0 ? "" : `background:${css(state)};color:${ink(state)}`,
      }, h("b", {}, code === 0 ? "" : LETTERS[state]), h("small", {}, String(port % 100000)), order ? h("i", {}, String(order)) : null);
    };
    const row = (parity: number) => h("div", { class: "cellrow" }, h("span", { class: "rowname" }, parity ? t("ports.odd") : t("ports.even")),
      ...range(low, high).filter((port) => port % 2 === parity).map(cell));
    this.#cells.replaceChildren(row(low % 2), row(1 - (low % 2)));
  }

  #drawMap(bytes: Uint8Array, low: number, high: number, probed: Map<number, number>): void {
    const count = high - low + 1;
    const rows = Math.ceil(count / 2 / COLUMNS);
    const width = 2 * COLUMNS + 4;
    const canvas = this.#canvas;
    if (canvas.width !== width || canvas.height !== rows) [canvas.width, canvas.height] = [width, rows];
    canvas.style.aspectRatio = `${width} / ${Math.max(rows, 1)}`;
    const context = canvas.getContext("2d");
    if (!context) return;
    const image = context.createImageData(width, rows);
    const pixels = new Uint32Array(image.data.buffer);
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const theme = document.documentElement.dataset.theme;
    const free = (theme ? theme === "dark" : dark) ? 0xff3a322c : 0xffe9e4df;
    for (let port = low; port <= high; port++) {
      const at = (port - low) >> 1;
      const half = (port - low) & 1;
      const x = (at % COLUMNS) + (half ? COLUMNS + 4 : 0);
      const code = bytes[port] ?? 0;
      let color = code === 0 ? free : PIXELS[code - 1] ?? free;
      if (probed.size > 0 && !probed.has(port)) color = (color & 0xffffff) | 0x50000000;
      pixels[((at / COLUMNS) | 0) * width + x] = color;
    }
    context.putImageData(image, 0, 0);
  }

  #point(event: PointerEvent): void {
    const box = this.#canvas.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * this.#canvas.width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * this.#canvas.height);
    const half = x >= COLUMNS + 4 ? 1 : 0;
    const column = half ? x - COLUMNS - 4 : x;
    const port = (this.#range[0] ?? 0) + (y * COLUMNS + column) * 2 + half;
    if (column >= COLUMNS || port > (this.#range[1] ?? 0) || !this.#bytes) return;
    const code = this.#bytes[port] ?? 0;
    text(this.#cursor, t("ports.port", port, code === 0 ? t("ports.free") : STATES[code - 1] ?? ""));
  }

  override picture(): string | null {
    if (this.#canvas.hidden) return null;
    const [width, height] = [this.#canvas.width * 3, this.#canvas.height * 3];
    const svg = s("svg", { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}`, width, height },
      s("image", { href: this.#canvas.toDataURL(), width, height, style: "image-rendering:pixelated" }));
    return new XMLSerializer().serializeToString(svg);
  }
}

const PIXELS = COLORS.map(([r, g, b]) => (0xff000000 | (b << 16) | (g << 8) | r) >>> 0);

function range(low: number, high: number): number[] {
  return Array.from({ length: high - low + 1 }, (_, at) => low + at);
}

export function badge(state: number): HTMLElement {
  return h("span", { class: "badge", "aria-hidden": "true", style: `background:${css(state)};color:${ink(state)}` }, LETTERS[state] ?? "");
}

/** The host of the first process that connects. */
export function clientHost(loaded: { processes: { host: number; program: string }[] } | null): number {
  return loaded?.processes.find((process) => !["mysqld", "dns", "mysql"].includes(process.program))?.host ?? 0;
}
