import { connect } from "node:net";
import type pg from "pg";

/**
 * Ends a connection in the middle of whatever it does. The server wouldn't notice before the statement is through, so
 * it is asked to cancel that. Where the request gets lost, whoever takes back the work ends the backend.
 */
export function cutOff(client: pg.Client): void {
  requestCancel(client as unknown as Parameters<typeof requestCancel>[0]);
  void client.end().catch(() => undefined);
}

/** Marks a cancel request among the messages that open a connection. */
const cancelRequestCode = 80_877_102;

const requestTimeoutMs = 10_000;

/** As libpq does it: a connection of its own, in the clear, with the key that the server gave for this purpose. */
function requestCancel(backend: { host: string; port: number; processID: number; secretKey: number }): void {
  const { host, port } = backend;
  const request = Buffer.alloc(16);
  request.writeInt32BE(16, 0);
  request.writeInt32BE(cancelRequestCode, 4);
  request.writeInt32BE(backend.processID, 8);
  request.writeInt32BE(backend.secretKey, 12);
  const socket = host.startsWith("/") ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
  socket.on("error", () => undefined).setTimeout(requestTimeoutMs, () => socket.destroy());
  socket.end(request);
}
