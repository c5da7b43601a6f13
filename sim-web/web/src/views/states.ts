// The state graph as RFC 9293 draws it, with what the run does in it.

import graphJson from "../generated/graph.json";
import { h, s, text } from "../dom";
import { grouped } from "../format";
import { pick, t } from "../i18n";
import { css, ink, LETTERS, STATES } from "../states";
import type { Graph } from "../wire";
import { table, twin, View } from "./view";

const GRAPH = graphJson as unknown as Graph;
const BOX = [236, 82] as const;

export class StatesView extends View {
  readonly name = "states";
  #counts: { box: SVGGElement; label: SVGTextElement; state: number }[] = [];
  #lines: { line: SVGPathElement; label: SVGTextElement; title: SVGTitleElement; row: number }[] = [];
  #before: number[] = [];
  #twin = h("div", {});
  #host = -1;

  protected build(): Node[] {
    this.#counts = [];
    this.#lines = [];
    const xs = GRAPH.boxes.map((box) => box[0] ?? 0);
    const ys = [...GRAPH.boxes, GRAPH.closed_below].map((box) => box[1] ?? 0);
    const [left, right] = [Math.min(...xs) - BOX[0] / 2, Math.max(...xs) + BOX[0] / 2];
    const [top, bottom] = [Math.min(...ys) - BOX[1] / 2, Math.max(...ys) + BOX[1] / 2];
    const svg = s("svg", {
      class: "picture states", viewBox: `${left - 8} ${top - 8} ${right - left + 16} ${bottom - top + 16}`, role: "group",
      "aria-label": t("view.states"),
    });
    const defs = s("defs");
    for (const kind of ["call", "segment", "kernel", "never"]) {
      defs.append(s("marker", {
        id: `${this.uid}-${kind}`, viewBox: "0 0 10 10", refX: 8, refY: 5, markerWidth: 13, markerHeight: 13,
        markerUnits: "userSpaceOnUse", orient: "auto",
      }, s("path", { d: "M0 0 L10 5 L0 10 z", class: `arrow ${kind}` })));
    }
    svg.append(defs);
    GRAPH.edges.forEach((edge, row) => {
      if (edge.points.length === 0) return;
      const title = s("title");
      const points = clipped(edge);
      const line = s("path", { d: `M${points.map((point) => point.join(" ")).join(" L")}`, class: "edge" }, title);
      const [x, y] = middle(points);
      const label = s("text", { x, y: y + 9, class: "flow" });
      svg.append(line, label);
      this.#lines.push({ line, label, title, row });
    });
    const places = GRAPH.boxes.map((box, state) => [box, state] as const);
    places.push([GRAPH.closed_below, 0]);
    places.forEach(([[x = 0, y = 0], state], number) => {
      const label = s("text", { x, y: y + 28, class: "count" });
      const go = () => document.dispatchEvent(new CustomEvent("hc-filter", { detail: STATES[state]?.toLowerCase() }));
      const button = state > 0 && number < STATES.length;
      const box = s("g", {
        class: "state", ...(button ? { role: "button", tabindex: 0, onclick: go } : {}),
        onkeydown: (event: KeyboardEvent) => {
          if (button && (event.key === "Enter" || event.key === " ")) {
            event.preventDefault();
            event.stopPropagation();
            go();
          }
        },
      },
        s("rect", { x: x - BOX[0] / 2, y: y - BOX[1] / 2, width: BOX[0], height: BOX[1], rx: 9 }),
        s("text", { x, y: y - 8, class: "name" }, STATES[state]), label);
      svg.append(box);
      this.#counts.push({ box, label, state });
    });
    const legend = h("p", { class: "legend" }, ...(["call", "segment", "kernel"] as const).map((kind) =>
      h("span", {}, sample(kind), t(`states.legend.${kind}`))));
    this.#twin = h("div", {});
    return [svg, legend, h("p", { class: "hint" }, t("states.hint")), twin(this.#twin)];
  }

  protected override tools(): Node[] {
    const hosts = this.store.loaded?.hosts ?? [];
    if (hosts.length < 2) return [];
    const list = h("select", { "aria-label": t("view.host"), onchange: () => { this.#host = Number(list.value); this.update(); } },
      h("option", { value: "-1" }, t("view.hostall")),
      ...hosts.map((host, at) => h("option", { value: String(at) }, host.name)));
    list.value = String(this.#host);
    return [list];
  }

  protected update(change = ""): void {
    if (change === "doc") this.render();
    const frame = this.store.frame;
    if (!frame || change === "progress" || change === "clock") return;
    const host = frame.hosts[this.#host];
    const states = STATES.map((_, state) => host ? host.states[state] ?? 0 : frame.hosts.reduce((sum, one) => sum + (one.states[state] ?? 0), 0));
    for (const { box, label, state } of this.#counts) {
      const count = states[state] ?? 0;
      const busy = state > 0 && count > 0;
      box.classList.toggle("busy", busy);
      box.style.setProperty("--state", css(state));
      box.style.setProperty("--letters", ink(state));
      text(label, state === 0 ? "" : grouped(count));
    }
    for (const { line, label, title, row } of this.#lines) {
      const taken = frame.visits[row] ?? 0;
      const edge = GRAPH.edges[row];
      if (!edge) continue;
      const kind = taken === 0 ? "never" : edge.kind;
      line.setAttribute("class", `edge ${kind}${taken > (this.#before[row] ?? 0) && this.store.playing ? " flowing" : ""}`);
      line.setAttribute("marker-end", `url(#${this.uid}-${kind})`);
      line.style.strokeWidth = String(taken === 0 ? 1.5 : 2.5 + 1.1 * Math.log10(taken));
      text(label, taken > 0 ? `×${grouped(taken)}` : "");
      const [from = 0, to = 0] = edge.ends;
      text(title, `${t("states.edge", STATES[from] ?? "", STATES[to] ?? "", sentence(edge))}. ${taken > 0 ? t("states.taken", grouped(taken)) : t("states.never")}. ${edge.source}`);
    }
    this.#before = frame.visits;
    this.#twin.replaceChildren(
      table([t("states.count"), t("states.now")], STATES.slice(1).map((name, at) => [`${LETTERS[at + 1]} ${name}`, states[at + 1] ?? 0])),
      table([t("states.from"), t("states.to"), t("states.event"), t("states.times")],
        GRAPH.edges.flatMap((edge, row) => {
          const taken = frame.visits[row] ?? 0;
          return taken > 0 ? [[STATES[edge.ends[0]] ?? "", STATES[edge.ends[1]] ?? "", sentence(edge), taken]] : [];
        })));
  }
}

function sentence(edge: Graph["edges"][number]): string {
  const action = pick(edge.action);
  return action ? `${pick(edge.event)} / ${action}` : pick(edge.event);
}

/** The line without what the boxes hide: it ends where it meets the box it leads to, and begins likewise. */
function clipped(edge: Graph["edges"][number]): number[][] {
  const points = edge.points.map((point) => [...point]);
  const near = (state: number, point: readonly number[]) => {
    const boxes = state === 0 ? [GRAPH.boxes[0], GRAPH.closed_below] : [GRAPH.boxes[state]];
    const distance = (box: readonly number[] | undefined) => Math.hypot((box?.[0] ?? 0) - (point[0] ?? 0), (box?.[1] ?? 0) - (point[1] ?? 0));
    return boxes.reduce((best, box) => (distance(box) < distance(best) ? box : best)) ?? [0, 0];
  };
  const cut = (inner: number[], outer: readonly number[], box: readonly number[]) => {
    const [dx, dy] = [(outer[0] ?? 0) - (inner[0] ?? 0), (outer[1] ?? 0) - (inner[1] ?? 0)];
    const reach = (from: number, by: number, middle: number, half: number) => (by === 0 ? 1 : (middle + Math.sign(by) * half - from) / by);
    const share = Math.max(0, Math.min(1, reach(inner[0] ?? 0, dx, box[0] ?? 0, BOX[0] / 2 + 2), reach(inner[1] ?? 0, dy, box[1] ?? 0, BOX[1] / 2 + 2)));
    inner[0] = (inner[0] ?? 0) + dx * share;
    inner[1] = (inner[1] ?? 0) + dy * share;
  };
  const [first, last] = [points[0], points.at(-1)];
  if (first && points[1]) cut(first, points[1], near(edge.ends[0], first));
  if (last && points.at(-2)) cut(last, points.at(-2) ?? last, near(edge.ends[1], last));
  return points;
}

/** The middle of a line, by its length. */
function middle(points: readonly (readonly number[])[]): [number, number] {
  const lengths = points.slice(1).map((point, at) => Math.hypot((point[0] ?? 0) - (points[at]?.[0] ?? 0), (point[1] ?? 0) - (points[at]?.[1] ?? 0)));
  let left = lengths.reduce((sum, one) => sum + one, 0) / 2;
  for (const [at, length] of lengths.entries()) {
    const [from, to] = [points[at] ?? [0, 0], points[at + 1] ?? [0, 0]];
    if (left <= length) {
      const share = length === 0 ? 0 : left / length;
      return [(from[0] ?? 0) + ((to[0] ?? 0) - (from[0] ?? 0)) * share, (from[1] ?? 0) + ((to[1] ?? 0) - (from[1] ?? 0)) * share];
    }
    left -= length;
  }
  return [points[0]?.[0] ?? 0, points[0]?.[1] ?? 0];
}

function sample(kind: string): SVGSVGElement {
  return s("svg", { viewBox: "0 0 36 10", width: 36, height: 10, "aria-hidden": "true", class: "sample" },
    s("path", { d: "M0 5 H36", class: `edge ${kind}` }));
}
