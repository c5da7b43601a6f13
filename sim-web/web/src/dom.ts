// Building DOM without a framework.

type Props = Record<string, unknown>;
type Child = Node | string | number | null | undefined | false;

const SVG = "http://www.w3.org/2000/svg";

function fill(node: Element, props: Props, children: Child[]): void {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on") && typeof value === "function") {
      node.addEventListener(name.slice(2), value as EventListener);
    } else if (name === "class") {
      node.setAttribute("class", String(value));
    } else if (name in node && !name.includes("-") && !(node instanceof SVGElement) && name !== "list" && name !== "role") {
      (node as unknown as Props)[name] = value;
    } else {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) {
      node.append(child instanceof Node ? child : String(child));
    }
  }
}

/** An HTML element. Properties are set as such where the element has them; `onclick` and its kin are listeners. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K, props: Props = {}, ...children: Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  fill(node, props, children);
  return node;
}

/** An SVG element. */
export function s<K extends keyof SVGElementTagNameMap>(
  tag: K, props: Props = {}, ...children: Child[]
): SVGElementTagNameMap[K] {
  const node = document.createElementNS(SVG, tag) as SVGElementTagNameMap[K];
  fill(node, props, children);
  return node;
}

/** Sets a text only if it differs, so that what did not change is not drawn anew. */
export function text(node: Node, value: string): void {
  if (node.textContent !== value) node.textContent = value;
}

/** Hands a file to the reader. */
export function download(name: string, content: BlobPart, type: string): void {
  const link = h("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const ICONS = {
  play: "M7 4 L20 12 L7 20 z",
  pause: "M6 4 H10 V20 H6 z M14 4 H18 V20 H14 z",
  back: "M16 5 L7 12 L16 19 z",
  next: "M8 5 L17 12 L8 19 z",
  backState: "M5 5 H8 V19 H5 z M19 5 L9 12 L19 19 z",
  nextState: "M16 5 H19 V19 H16 z M5 5 L15 12 L5 19 z",
  auto: "M12 3 A9 9 0 0 1 12 21 z M12 3 A9 9 0 0 0 12 21 L12 19.4 A7.4 7.4 0 0 1 12 4.6 z",
  light: "M12 7 A5 5 0 1 1 11.99 7 z M11 1 H13 V5 H11 z M11 19 H13 V23 H11 z M1 11 H5 V13 H1 z M19 11 H23 V13 H19 z",
  dark: "M15 3 A9 9 0 1 0 21 15 A7 7 0 0 1 15 3 z",
} as const;
export type Icon = keyof typeof ICONS;

/** A small picture; what it means is said by the label of its button. */
export function icon(name: Icon): SVGSVGElement {
  return s("svg", { viewBox: "0 0 24 24", width: 18, height: 18, "aria-hidden": "true", class: "icon" }, s("path", { d: ICONS[name] }));
}
