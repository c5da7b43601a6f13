// Records in plain words.

import { grouped } from "./format";
import { type Key, t } from "./i18n";
import { en } from "./i18n/en";
import { STATES } from "./states";
import type { Entry, Loaded } from "./wire";

/** A message if the catalogue has it, else the word itself. */
function known(key: string, otherwise: string): string {
  return key in en ? t(key as Key) : otherwise;
}

/** What happened, as one would say it. */
export function sentence(entry: Entry, loaded: Loaded | null): string {
  const host = loaded?.hosts[entry.host]?.name ?? "";
  const errno = known(`errno.${entry.why}`, entry.why);
  const segment = entry.number > 0 ? t("log.bytes", entry.what, grouped(entry.number)) : entry.what;
  switch (entry.kind) {
    case "state":
      return t("log.state.s", host, `${entry.local} ↔ ${entry.remote}`, STATES[entry.change?.[0] ?? 0] ?? "", STATES[entry.change?.[1] ?? 0] ?? "", entry.why);
    case "pick":
      return entry.why ? t("log.vain.s", host, entry.remote, grouped(entry.number))
        : t("log.pick.s", host, entry.remote, entry.local.split(":").pop() ?? "", grouped(entry.number));
    case "send":
      return t("log.send.s", host, segment, entry.local, entry.remote);
    case "receive":
      return t("log.receive.s", host, segment, entry.local, entry.remote);
    case "drop":
      return t("log.drop.s", host, entry.local, entry.remote, known(`drop.${entry.why}`, entry.why));
    case "call":
      return t("log.call.s", host, entry.pid, entry.what, errno);
    case "exit":
      return t("log.exit.s", host, entry.pid, entry.number);
    case "action":
      return t("log.action.s", entry.why);
    default:
      return t("log.mark.s", entry.why);
  }
}
