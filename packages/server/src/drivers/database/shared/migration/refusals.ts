import { failure } from "../../../../kernel/index.ts";
import type { State } from "../../common/catalog/read-state.ts";
import type { MigrationFile } from "../../common/migration-file.ts";
import type { Statement } from "../../common/split-statements.ts";
import { contractions, isAssured } from "./contraction.ts";
import type { Walk } from "./planned.ts";

/** `isolation_unavailable` at a statement of a file. */
export function refuseAt(
  file: MigrationFile,
  statement: Statement,
  { problem, remedy }: { problem: string; remedy: string },
): never {
  const { name, sql } = file.migration;
  const line = sql.slice(0, statement.offset).split("\n").length;
  throw failure("isolation_unavailable", {
    detail: `${name}, line ${line}: at the level "shared", ${problem}.`,
    remedy,
    extra: { file: name, line },
  });
}

/**
 * While tenants are migrated, and until the traffic is switched, the release before this one runs. Other levels break one
 * tenant at a time for that while; here it would be all at once.
 */
export function refuseContraction(file: MigrationFile, released: State, walk: Walk): void {
  if (isAssured(file.migration.sql)) return;
  const since = new Set(contractions(released, walk.state));
  const [missed] = walk.missed
    .filter(({ words }) => since.has(words))
    .sort((one, other) => one.statement.offset - other.statement.offset);
  if (!missed) return;
  refuseAt(file, missed.statement, {
    problem: `${missed.words}, which the release that runs meanwhile doesn't expect, in all environments at once`,
    remedy:
      "Release the application first so that it does without, then bring this in the next release's migration," +
      ' with the line "-- tenantry: contract" in the file.',
  });
}
