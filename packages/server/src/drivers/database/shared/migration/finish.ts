import { insertLedger, onlyLedger } from "../../common/ledger.sql.ts";
import type { PlannedFile } from "./planned.ts";
import { deleteSteps, replaceSeeds } from "./run.sql.ts";
import { type Application, requireSealed } from "./run.ts";

/** What new environments begin with, and that the file is through, in the transaction that is open. */
export async function finishFile(run: Application, { file, seeds, beginnings }: PlannedFile): Promise<void> {
  const { client } = run;
  await client.query("set local role none; set local search_path = pg_catalog");
  for (const statement of beginnings) await client.query(statement);
  if (seeds) await replaceSeeds(client, seeds);
  await deleteSteps(client, file.migration.ordinal);
  await insertLedger(client, onlyLedger, file.migration, true);
  await requireSealed(run, file);
  await run.context.assertLease();
  await client.query("commit");
}
