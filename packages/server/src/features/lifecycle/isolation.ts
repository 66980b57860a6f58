import type { CreateTenantRequest, DatabaseLevel, IsolationRequest } from "@tenantry/contract";
import { failure } from "../../kernel/index.ts";

export type Isolation = { database: DatabaseLevel; storage: "prefix"; cache: "prefix"; compute: "shared" };

type Wanted = Required<{ [kind in keyof IsolationRequest]: NonNullable<IsolationRequest[kind]> }>;

/** What each preset stands for (architecture §1). */
const presetIsolation: Record<"soft" | "medium" | "hard", Wanted> = {
  soft: { database: "shared", storage: "prefix", cache: "prefix", compute: "shared" },
  medium: { database: "database", storage: "bucket", cache: "user", compute: "process" },
  hard: { database: "dedicated", storage: "own", cache: "own", compute: "container" },
};

const built = {
  database: ["database", "schema", "shared"],
  storage: ["prefix"],
  cache: ["prefix"],
  compute: ["shared"],
} as const;

/** The isolation a request asks for; `isolation_unavailable` names each kind whose level isn't built yet. */
export function resolveIsolation(request: CreateTenantRequest, defaultDatabase: DatabaseLevel): Isolation {
  const base: Wanted = request.preset
    ? presetIsolation[request.preset]
    : { database: defaultDatabase, storage: "prefix", cache: "prefix", compute: "shared" };
  const wanted = { ...base, ...request.isolation };
  const kinds = Object.keys(built) as (keyof typeof built)[];
  const missing = kinds.filter((kind) => !(built[kind] as readonly string[]).includes(wanted[kind]));
  if (missing.length === 0) return wanted as Isolation;
  const errors = missing.map((kind) => ({
    pointer: request.preset && !request.isolation?.[kind] ? "/preset" : `/isolation/${kind}`,
    message: `${kind} "${wanted[kind]}" isn't available; available: ${built[kind].join(", ")}.`,
  }));
  throw failure("isolation_unavailable", { detail: errors[0]!.message, errors });
}
