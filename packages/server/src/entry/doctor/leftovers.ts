import type { Leftover } from "../../features/placements/index.ts";
import { type Finding, ok, problem, warning } from "./check.ts";

/** What is there more of than somebody would read is counted. */
const most = 10;

/** What differs between the registry and what stands. */
export function tellLeftovers(found: readonly Leftover[]): Finding[] {
  if (found.length === 0) return [ok("places", "What the registry knows and what stands are the same.")];
  const forgotten = found.filter(({ problem: what, kind }) => what === "missing" && kind === "cache");
  const others = found.filter((one) => !forgotten.includes(one));
  const more = others.length - most;
  return [
    ...others.slice(0, most).map(tell),
    ...(more > 0
      ? [problem("places", `${more} more of that kind.`, "Mend those above, and look again.")]
      : []),
    ...(forgotten.length > 0 ? [tellForgotten(forgotten)] : []),
  ];
}

/** A cache is its user: a Redis that keeps its users in memory alone has none of them after a restart. */
function tellForgotten(caches: readonly Leftover[]): Finding {
  const many = caches.length === 1 ? "The user of one cache" : `The users of ${caches.length} caches`;
  return warning(
    "caches",
    `${many} aren't known to their Redis, such as ${caches[0]!.name}: it forgets them when it restarts without an aclfile.`,
    "Nothing has to be done: each is made again at its cache's first use, and all of them once an hour.",
  );
}

function tell({ problem: what, kind, name, detail }: Leftover): Finding {
  if (what === "unreachable")
    return problem(
      "servers",
      detail ?? `The database server ${name} doesn't answer.`,
      "Bring it back: what stands there serves nobody until then.",
    );
  if (what === "missing")
    return problem(
      "places",
      `The ${kind} ${name} is missing.`,
      "Restore it from a backup, or delete the tenant it belonged to.",
    );
  return warning(
    "places",
    `The ${kind} ${name} stands, and nothing in the registry says why.`,
    "Look at it, then remove it.",
  );
}
