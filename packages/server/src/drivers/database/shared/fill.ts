import type { Catalog } from "../common/catalog/catalog.ts";
import { emitShared } from "../common/emit/shared/emit-shared.ts";
import { refuseUnheld } from "../common/emit/unheld.ts";
import { asMigrator, migrationPlace } from "../common/migrator.ts";
import { ownerName, writerName } from "../common/names.ts";
import type { DriverParts } from "../common/parts.ts";
import { readAsOwner } from "../common/read-blueprint.ts";
import { createGroupRole, grantMembership } from "../common/roles.sql.ts";
import { type SealStrategy, sealExpressions } from "../common/seal/index.ts";
import type { Session } from "../common/session.ts";
import type { AppSchema, DatabaseServer, DriverContext } from "../driver.ts";
import {
  createCounters,
  createExtensions,
  emptyCopy,
  handOverDefiners,
  insertSeeds,
  letWriteFunctions,
  searchPathOf,
} from "./shared.sql.ts";

type Filled = { server: DatabaseServer; name: string; schema: AppSchema };

/** Reads what the migrations made from the catalog of a blueprint's copy, and drops it there. */
export async function takeCatalog(
  parts: DriverParts,
  session: Session,
  context: DriverContext,
  request: Filled,
): Promise<Catalog> {
  const owner = ownerName(request.schema.appId);
  const catalog = await readAsOwner(parts, session, context, request);
  await session.inDatabase(request.name, (inside) =>
    emptyCopy(inside, catalog, { owner, roles: parts.roles }),
  );
  return catalog;
}

/** Makes what the catalog says for many environments, once the seal stands: each table with the hidden column. */
export async function fillShared(
  parts: DriverParts,
  session: Session,
  context: DriverContext,
  request: Filled & { strategy: SealStrategy; catalog: Catalog },
): Promise<void> {
  const { roles } = parts;
  const { server, name, schema } = request;
  const owner = ownerName(schema.appId);
  const writer = writerName(schema.appId);
  const emitted = emitShared(request.catalog, sealExpressions(request.strategy));
  refuseUnheld("shared", emitted.findings, schema.migrations);
  await createGroupRole(session, writer);
  await session.change(grantMembership(session, roles.data, writer, { inherit: true, set: false }));
  await session.inDatabase(name, async (inside) => {
    await createExtensions(inside, emitted.extensions, { owner, roles });
    await createCounters(inside, emitted.counters, { owner, roles });
    await letWriteFunctions(inside, owner);
    // Planning a constraint or an index is enough to run functions of the application.
    const place = migrationPlace(name, schema);
    const statements = [`set search_path = ${searchPathOf(emitted)}`, ...emitted.statements].join(";\n");
    await asMigrator(session, { ...parts, context, server, ...place }, ({ client }) =>
      client.query(statements),
    );
    await handOverDefiners(inside, { owner, writer });
    await insertSeeds(inside, emitted.seeds, roles);
  });
}
