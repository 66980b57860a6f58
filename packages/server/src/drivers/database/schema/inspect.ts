import type { ClientBase } from "pg";
import { partsOfPlace } from "../common/names.ts";
import type { DriverParts } from "../common/parts.ts";
import { reading } from "../common/reading.ts";
import { urlTo } from "../common/url.ts";
import type { DatabaseServer, PhysicalDatabase, PhysicalName } from "../driver.ts";
import {
  selectContainerNames,
  selectRoleProblems,
  selectSchemaNames,
  selectSchemaProblems,
  selectSchemaRoles,
  selectSchemaSize,
} from "./inspect.sql.ts";

/** Implements `DatabaseDriver.measure`. */
export async function measure(
  parts: DriverParts,
  server: DatabaseServer,
  database: PhysicalDatabase,
): Promise<number> {
  const { schema } = partsOfPlace(database.name);
  return (await inSchema(parts, server, database, (client) => selectSchemaSize(client, schema))) ?? 0;
}

/** Implements `DatabaseDriver.verify`. */
export async function verify(
  parts: DriverParts,
  server: DatabaseServer,
  database: PhysicalDatabase,
): Promise<string[]> {
  const problems = await reading(parts.connect, server.url, (client) => selectRoleProblems(client, database));
  const inside = await inSchema(parts, server, database, (client) => selectSchemaProblems(client, database));
  return [...problems, ...(inside ?? [`The database ${database.name} isn't there.`])];
}

/** Undefined when the schema isn't there. */
async function inSchema<Result>(
  parts: DriverParts,
  server: DatabaseServer,
  database: PhysicalDatabase,
  work: (client: ClientBase) => Promise<Result>,
): Promise<Result | undefined> {
  const { container } = partsOfPlace(database.name);
  const containers = await reading(parts.connect, server.url, (client) =>
    selectContainerNames(client, parts.roles),
  );
  if (!containers.includes(container)) return undefined;
  return reading(parts.connect, urlTo(server.url, container), async (client) => {
    const names = await selectSchemaNames(client, container);
    return names.some(({ name }) => name === database.name) ? work(client) : undefined;
  });
}

/** Implements `DatabaseDriver.list`. */
export async function list(parts: DriverParts, server: DatabaseServer): Promise<PhysicalName[]> {
  const [containers, roles] = await reading(parts.connect, server.url, async (client) => {
    const names = await selectContainerNames(client, parts.roles);
    return [names, await selectSchemaRoles(client, names)] as const;
  });
  const schemas: PhysicalName[] = [];
  for (const container of containers) {
    const url = urlTo(server.url, container);
    schemas.push(...(await reading(parts.connect, url, (client) => selectSchemaNames(client, container))));
  }
  return [...schemas, ...roles];
}
