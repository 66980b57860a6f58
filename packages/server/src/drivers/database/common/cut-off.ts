import { sendCancelRequest } from "@tenantry/data";
import type pg from "pg";

/**
 * Ends a connection in the middle of whatever it does. The server wouldn't notice before the statement is through, so
 * it is asked to cancel that. Where the request gets lost, whoever takes back the work ends the backend.
 */
export function cutOff(client: pg.Client): void {
  sendCancelRequest(client).catch(() => undefined);
  void client.end().catch(() => undefined);
}
