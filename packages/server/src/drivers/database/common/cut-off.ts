import { sendCancelRequest } from "@tenantry/data";
import type pg from "pg";

const cut = new WeakSet<pg.ClientBase>();

/**
 * Ends a connection in the middle of whatever it does. The server wouldn't notice before the statement is through, so
 * it is asked to cancel that. Where the request gets lost, whoever takes back the work ends the backend.
 */
export function cutOff(client: pg.Client): void {
  cut.add(client);
  sendCancelRequest(client).catch(() => undefined);
  void client.end().catch(() => undefined);
}

/** Whether a request to cancel what it does may be on its way. */
export const wasCutOff = (client: pg.ClientBase): boolean => cut.has(client);
