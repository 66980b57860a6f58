import {
  type CreateTenantRequest,
  type DatabaseLevel,
  type IsolationRequest,
  presetIsolation,
} from "@tenantry/contract";
import { failure } from "../../kernel/index.ts";

/** The level of each kind of place. */
export type Isolation = Required<{ [kind in keyof IsolationRequest]: NonNullable<IsolationRequest[kind]> }>;

/** The levels of each kind that can be had at this moment, where servers decide. */
export type AvailableLevels = { storage: readonly string[]; cache: readonly string[] };

const built = {
  database: ["database", "schema", "shared", "dedicated", "sqlite"],
  compute: ["shared"],
};

/** The isolation a request asks for; `isolation_unavailable` names each kind whose level can't be had. */
export function resolveIsolation(
  request: CreateTenantRequest,
  defaultDatabase: DatabaseLevel,
  available: AvailableLevels,
): Isolation {
  const base: Isolation = request.preset
    ? presetIsolation[request.preset]
    : { database: defaultDatabase, storage: "prefix", cache: "prefix", compute: "shared" };
  const wanted = { ...base, ...request.isolation };
  requireAvailable(wanted, request, available);
  return wanted;
}

/** Throws `isolation_unavailable`, which names each kind whose level can't be had, and where the request asks for it. */
export function requireAvailable(
  wanted: Partial<Isolation>,
  { preset, isolation }: Pick<CreateTenantRequest, "preset" | "isolation">,
  available: AvailableLevels,
): void {
  const levels: Record<keyof Isolation, readonly string[]> = { ...built, ...available };
  const kinds = ["database", "storage", "cache", "compute"] as const;
  const missing = kinds.filter((kind) => wanted[kind] !== undefined && !levels[kind].includes(wanted[kind]));
  if (missing.length === 0) return;
  const errors = missing.map((kind) => ({
    pointer: preset && !isolation?.[kind] ? "/preset" : `/isolation/${kind}`,
    message: `${kind} "${wanted[kind]}" isn't available; available: ${levels[kind].join(", ")}.`,
  }));
  throw failure("isolation_unavailable", {
    detail: errors.map(({ message }) => message).join(" "),
    remedy: missing.map((kind) => remedyFor(kind, wanted)).join(" "),
    errors,
  });
}

/** What makes a level available, or what can be had until it is. */
function remedyFor(kind: keyof Isolation, wanted: Partial<Isolation>): string {
  const own = wanted[kind] === "own" ? " --own" : "";
  if (kind === "storage") return `Register an S3 server with \`tenantry storage add${own}\`.`;
  if (kind === "cache") return `Register a Redis with \`tenantry cache add${own}\`.`;
  if (kind === "database") return "Choose another level.";
  const { database, storage, cache } = wanted;
  const others = Object.entries({ level: database, storage, cache }).filter(
    ([, level]) => level !== undefined,
  );
  const options = others.map(([option, level]) => `--${option} ${level}`).join(" ");
  return (
    "Processes and containers of a tenant's own aren't built yet: ask for the other levels one by one" +
    `${options && ` (${options})`}, or for "isolation": { "compute": "shared" } beside the preset.`
  );
}
