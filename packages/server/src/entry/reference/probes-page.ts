import { everyProbe, unprobedOperations } from "../../features/isolation/index.ts";
import { page, table } from "./markdown.ts";

const paths = {
  registry: "Registry: what gateways, applications and drivers believe",
  database: "Database",
  storage: "Storage",
  cache: "Cache",
  api: "API",
  sessions: "Sessions",
  gateway: "Gateway",
  jobs: "Jobs, operations and events",
} as const;

/** What verifications of isolation try. */
export function probesPage(): string {
  const byPath = Map.groupBy(everyProbe(), ({ path }) => path);
  const sections = (Object.keys(paths) as (keyof typeof paths)[]).flatMap((path) => [
    `## ${paths[path]}`,
    table(
      ["Probe", "What is tried or examined", "When it gets through"],
      (byPath.get(path) ?? []).map(({ id, title, remedy }) => [`\`${id}\``, title, remedy]),
    ),
  ]);
  return page(
    "Probes of isolation",
    "What `tenantry isolation verify` tries, from one tenant into another, and what it examines. The guide [Verify isolation](../guides/verify-isolation.md) says how. Each attempt stands in the report with what came back.",
    "Operators' routes of the API are tried all of them, whatever their number. Applications' routes each have a probe, or stand at the end of this page with a reason: a test refuses a route that has neither.",
    ...sections,
    "## Routes without a probe",
    table(
      ["Operation", "Why"],
      Object.entries(unprobedOperations).map(([operation, reason]) => [`\`${operation}\``, reason]),
    ),
  );
}
