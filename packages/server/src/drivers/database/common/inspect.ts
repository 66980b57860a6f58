import type { DatabaseServer, PhysicalDatabase, PhysicalName } from "../driver.ts";
import { selectOurNames, selectProblems, selectSize } from "./inspect.sql.ts";
import type { DriverParts } from "./parts.ts";
import { type Connect, serverUnreachable } from "./session.ts";

/** Implements `DatabaseDriver.measure`. */
export async function measure(
  parts: DriverParts,
  server: DatabaseServer,
  database: PhysicalDatabase,
): Promise<number> {
  return reading(parts.connect, server, (client) => selectSize(client, database.name));
}

/** Implements `DatabaseDriver.verify`. */
export async function verify(
  parts: DriverParts,
  server: DatabaseServer,
  database: PhysicalDatabase,
): Promise<string[]> {
  return reading(parts.connect, server, (client) => selectProblems(client, database, parts.roles));
}

/** Implements `DatabaseDriver.list`. */
export async function list(parts: DriverParts, server: DatabaseServer): Promise<PhysicalName[]> {
  return reading(parts.connect, server, (client) => selectOurNames(client, parts.roles));
}

async function reading<Result>(
  connect: Connect,
  server: DatabaseServer,
  work: (client: Awaited<ReturnType<Connect>>) => Promise<Result>,
): Promise<Result> {
  const client = await connect({
    connectionString: server.url,
    application_name: "tenantry look",
    connectionTimeoutMillis: 10_000,
    options: "-c search_path=pg_catalog -c statement_timeout=30000 -c default_transaction_read_only=on",
  }).catch((cause: unknown) => {
    throw serverUnreachable(cause);
  });
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
