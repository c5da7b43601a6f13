// All views by the name they have in links. Others can be added: see the README beside this page.

import { CompareView } from "./compare";
import { FdsView } from "./fds";
import { LogView } from "./log";
import { MysqlView } from "./mysql";
import { PortsView } from "./ports";
import { ScenarioView } from "./scenario";
import { SequenceView } from "./sequence";
import { SeriesView } from "./series";
import { SocketsView } from "./sockets";
import { StatesView } from "./states";
import { TerminalView } from "./terminal";
import type { View } from "./view";

/** Name to element. */
export const VIEWS: Record<string, string> = {};

function add(name: string, view: CustomElementConstructor & (new () => View)): void {
  VIEWS[name] = `hc-view-${name}`;
  customElements.define(VIEWS[name], view);
}

add("states", StatesView);
add("ports", PortsView);
add("fds", FdsView);
add("log", LogView);
add("sockets", SocketsView);
add("sequence", SequenceView);
add("mysql", MysqlView);
add("series", SeriesView);
add("terminal", TerminalView);
add("compare", CompareView);
add("scenario", ScenarioView);
