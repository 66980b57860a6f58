import { sql, type Tx } from "../../infra/db/index.ts";

/** Forgets the address and the password's hash that a tenant was asked for with: its operations outlive it. */
export async function forgetAdminInput(tx: Tx, tenantId: string): Promise<void> {
  await sql`
    update operations set input = input - 'admin' where tenant_id = ${tenantId} and input ? 'admin'
  `.execute(tx);
}
