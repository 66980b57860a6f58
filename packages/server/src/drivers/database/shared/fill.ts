import { failure } from "../../../kernel/index.ts";
import type { Catalog } from "../common/catalog/catalog.ts";
import { readCatalog } from "../common/catalog/read-catalog.ts";
import type { Finding } from "../common/emit/finding.ts";
import { emitShared } from "../common/emit/shared/emit-shared.ts";
import { ownerName, writerName } from "../common/names.ts";
import type { DriverParts } from "../common/parts.ts";
import { createGroupRole, grantMembership } from "../common/roles.sql.ts";
import { type SealStrategy, sealExpressions } from "../common/seal/index.ts";
import type { Session } from "../common/session.ts";
import {
  createCounters,
  createExtensions,
  createShared,
  emptyCopy,
  handOverDefiners,
  insertSeeds,
} from "./shared.sql.ts";

/** Reads what the migrations made from the catalog of a blueprint's copy, and drops it there. */
export async function takeCatalog(
  parts: DriverParts,
  session: Session,
  request: { name: string; appId: string },
): Promise<Catalog> {
  const owner = ownerName(request.appId);
  return session.inDatabase(request.name, async (inside) => {
    const catalog = await inside.inspect((client) => readCatalog(client));
    await emptyCopy(inside, catalog, { owner, roles: parts.roles });
    return catalog;
  });
}

/** Makes what the catalog says for many environments, once the seal stands: each table with the hidden column. */
export async function fillShared(
  parts: DriverParts,
  session: Session,
  request: { name: string; appId: string; strategy: SealStrategy; catalog: Catalog },
): Promise<void> {
  const { roles } = parts;
  const owner = ownerName(request.appId);
  const writer = writerName(request.appId);
  const emitted = emitShared(request.catalog, sealExpressions(request.strategy));
  refuse(emitted.findings);
  await createGroupRole(session, writer);
  await session.change(grantMembership(session, roles.data, writer, { inherit: true, set: false }));
  await session.inDatabase(request.name, async (inside) => {
    await createExtensions(inside, emitted.extensions, { owner, roles });
    await createCounters(inside, emitted.counters, { owner, roles });
    await createShared(inside, emitted, { owner });
    await handOverDefiners(inside, { owner, writer });
    await insertSeeds(inside, emitted.seeds, roles);
  });
}

function refuse(findings: readonly Finding[]): void {
  const refused = findings.filter(({ severity }) => severity === "refused");
  if (refused.length === 0) return;
  const words = refused.map(({ object, problem, remedy }) => `${object}: ${problem} ${remedy}`);
  throw failure("isolation_unavailable", {
    detail: `The level "shared" can't hold the application's schema. ${words.join(" ")}`,
    remedy: 'Change what is named, or use the level "database".',
  });
}
