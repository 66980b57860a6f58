import { sql, type Tx } from "../../infra/db/index.ts";

export async function updateAutomaticTls(tx: Tx, automaticTls: boolean, version: number): Promise<void> {
  await sql`update gateway_settings set automatic_tls = ${automaticTls}, version = ${version}`.execute(tx);
}

export async function selectAutomaticTls(tx: Tx): Promise<boolean> {
  const { rows } = await sql<{ automaticTls: boolean }>`
    select automatic_tls as "automaticTls" from gateway_settings
  `.execute(tx);
  return rows[0]!.automaticTls;
}
