import { publish, type Tx } from "../../infra/db/index.ts";
import { selectAutomaticTls, updateAutomaticTls } from "./automatic-tls.sql.ts";

/** Tells gateways whether hosts get certificates by themselves, where they don't know yet [REG-7]. Repeatable. */
export async function showAutomaticTls(tx: Tx, automaticTls: boolean): Promise<void> {
  if ((await selectAutomaticTls(tx)) === automaticTls) return;
  await publish(tx, "routes", (version) => updateAutomaticTls(tx, automaticTls, version));
}
