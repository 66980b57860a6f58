import pg from "pg";
import { eventually } from "./eventually.ts";
import type { Installation } from "./installation.ts";

/** As who looks after the spares: while we have it, no more are begun. */
const keepersLock = 7236003;

/** Holds all spares until the end, or until the server is killed: whoever wants a database meanwhile has it built. */
export async function holdSpares(installation: Installation): Promise<AsyncDisposable> {
  const client = new pg.Client({ connectionString: installation.registryUrl, application_name: "hold" });
  client.on("error", () => undefined);
  await client.connect();
  await client.query(`begin; select pg_advisory_xact_lock(${keepersLock})`);
  await eventually("no spare is being built", async () => {
    const open = "status not in ('succeeded', 'failed', 'cancelled')";
    const { rowCount } = await client.query(
      `select from tenantry.operations where kind = 'database.spare.build' and ${open}`,
    );
    return rowCount === 0;
  });
  await client.query("select from tenantry.databases where state = 'spare' for update");
  return { [Symbol.asyncDispose]: () => client.end().catch(() => undefined) };
}
