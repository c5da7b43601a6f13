// Numbers over time, with the moment in sight; of both timelines where there are two.

import { h, s, text } from "../dom";
import { grouped } from "../format";
import { type Key, t } from "../i18n";
import { table, twin, View } from "./view";

const [W, H, PAD] = [600, 130, 6];
const GROUPS = ["sockets", "descriptors", "sessions", "cpu"] as const;
/** Okabe and Ito's, each with a dash of its own. */
const LOOK = [["#0072b2", ""], ["#d55e00", "7 3"], ["#009e73", "2 3"], ["#cc79a7", "9 3 2 3"], ["#b8860b", "12 4"], ["#56b4e9", "4 2"]] as const;

export class SeriesView extends View {
  readonly name = "series";
  #charts = h("div", { class: "charts" });
  #cursors: SVGLineElement[] = [];
  #values: { span: HTMLElement; column: number; rate: boolean }[] = [];
  #twin = h("div", {});

  protected build(): Node[] {
    this.#charts = h("div", { class: "charts" });
    this.#twin = h("div", {});
    return [this.#charts, twin(this.#twin)];
  }

  protected update(change = ""): void {
    if (change === "moment" || change === "clock") this.#move();
    else this.#draw();
  }

  #rows(line: number): { width: number; count: number; data: Float64Array } {
    const width = 1 + (this.store.loaded?.series.length ?? 0);
    const data = this.store.series[line] ?? new Float64Array();
    return { width, count: Math.floor(data.length / width), data };
  }

  /** CPU time is a sum: its slope is what is of interest. */
  #value(line: number, row: number, column: number, rate: boolean): number {
    const { width, data, count } = this.#rows(line);
    const at = (number: number, part: number) => data[Math.min(Math.max(number, 0), count - 1) * width + part] ?? 0;
    if (!rate) return at(row, 1 + column);
    const time = (at(row, 0) - at(row - 1, 0)) / 1e3;
    return time > 0 ? (at(row, 1 + column) - at(row - 1, 1 + column)) / time : 0;
  }

  #draw(): void {
    const names = this.store.loaded?.series ?? [];
    const end = Math.max(this.store.end, 1);
    this.#cursors = [];
    this.#values = [];
    const sets = this.store.series.map((_, line) => line);
    this.#charts.replaceChildren(...GROUPS.flatMap((group) => {
      const columns = names.flatMap((series, column) => (series.group === group ? [column] : []));
      const rate = group === "cpu";
      let top = 1;
      for (const line of sets) for (const column of columns) for (let row = 0; row < this.#rows(line).count; row++) top = Math.max(top, this.#value(line, row, column, rate));
      if (columns.length === 0) return [];
      const svg = s("svg", { class: "picture chart", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${t(`series.${group}` as Key)}. ${t("series.max", grouped(top))}` });
      svg.append(s("line", { x1: 0, x2: W, y1: H - PAD, y2: H - PAD, class: "axis" }), s("line", { x1: 0, x2: W, y1: PAD, y2: PAD, class: "axis faint" }));
      for (const mark of this.store.progress[0]?.landmarks ?? []) {
        const x = (mark.at_ns / end) * W;
        svg.append(s("line", { x1: x, x2: x, y1: 0, y2: H, class: "mark" }, s("title", {}, mark.name)));
      }
      for (const line of sets) {
        columns.forEach((column, number) => {
          const { count, width, data } = this.#rows(line);
          const points: string[] = [];
          for (let row = 0; row < count; row++) {
            const x = ((data[row * width] ?? 0) / end) * W;
            points.push(`${x.toFixed(1)},${(H - PAD - (this.#value(line, row, column, rate) / top) * (H - 2 * PAD)).toFixed(1)}`);
          }
          const [color, dash] = LOOK[number % LOOK.length] ?? LOOK[0];
          svg.append(s("polyline", { points: points.join(" "), class: `series${line > 0 ? " second" : ""}`, style: `stroke:${color}`, "stroke-dasharray": dash || undefined }));
        });
      }
      const cursor = s("line", { y1: 0, y2: H, class: "cursor" });
      svg.append(cursor);
      this.#cursors.push(cursor);
      return [h("figure", {}, h("figcaption", {}, h("b", {}, t(`series.${group}` as Key)), h("small", {}, t("series.max", rate ? top.toFixed(2) : grouped(top)))), svg,
        h("p", { class: "legend" }, ...columns.map((column, number) => {
          const [color, dash] = LOOK[number % LOOK.length] ?? LOOK[0];
          const value = h("b", {});
          this.#values.push({ span: value, column, rate });
          return h("span", { class: "chip" }, s("svg", { viewBox: "0 0 24 8", width: 24, height: 8, "aria-hidden": "true" },
            s("line", { x1: 0, x2: 24, y1: 4, y2: 4, style: `stroke:${color};stroke-width:2.5`, "stroke-dasharray": dash || undefined })), names[column]?.name ?? "", " ", value);
        })))];
    }));
    this.#move();
  }

  #move(): void {
    const x = (this.store.now / Math.max(this.store.end, 1)) * W;
    for (const cursor of this.#cursors) {
      cursor.setAttribute("x1", String(x));
      cursor.setAttribute("x2", String(x));
    }
    const line = Math.min(this.store.line, this.store.series.length - 1);
    const { width, count, data } = this.#rows(line);
    let row = 0;
    while (row + 1 < count && (data[(row + 1) * width] ?? 0) <= this.store.now) row++;
    for (const { span, column, rate } of this.#values) {
      const value = this.#value(line, row, column, rate);
      text(span, rate ? value.toFixed(2) : grouped(value));
    }
    const names = this.store.loaded?.series ?? [];
    this.#twin.replaceChildren(table([t("compare.metric"), t("states.now")], names.map((series, column) =>
      [series.name, series.group === "cpu" ? this.#value(line, row, column, true).toFixed(2) : this.#value(line, row, column, false)])));
  }
}
