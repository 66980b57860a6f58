import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { readBytes } from "./kept-pieces.ts";

export type ConnectionTarget = {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
};

/** Every connection reads into this one: what was read is used up, or copied, before the next one reads. */
const readBuffer = Buffer.allocUnsafeSlow(readBytes);
const nothing = Buffer.alloc(0);

/**
 * Dials. With `onBytes` everything that arrives is handed to it, valid during the call alone, until it returns false
 * or the socket is paused; the socket then emits no data. Without it the socket is an ordinary one.
 */
export function dial(target: ConnectionTarget, onBytes: ((bytes: Buffer) => boolean) | undefined): Socket {
  const { host, port, secure } = target;
  const onread = onBytes && {
    buffer: readBuffer,
    callback: (length: number) => onBytes(length === 0 ? nothing : readBuffer.subarray(0, length)),
  };
  const options = { host, port, noDelay: true, keepAlive: true, ...(onread ? { onread } : {}) };
  if (!secure) return connect(options);
  return connectTls({ ...options, servername: isIP(host) ? "" : host, ALPNProtocols: ["http/1.1"] });
}
