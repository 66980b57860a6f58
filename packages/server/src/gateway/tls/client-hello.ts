import { parseHost } from "../hostname.ts";

/** What a client says before anything is encrypted. */
export type ClientHello = {
  /** The hostname it wants to reach (SNI), as it stands in the route table; undefined when it doesn't say. */
  readonly hostname: string | undefined;
};

/** Beyond this it isn't one: with every extension known today it has about two kilobytes. */
const mostBytes = 16 * 1024;
const types = { handshakeRecord: 22, clientHello: 1, serverName: 0, hostName: 0 };

/**
 * Reads the hello (RFC 8446 §4.1.2) that a connection begins with, before anybody else does: whose certificate and
 * whose tickets are good here depends on it. Undefined while there is more to come, "other" when it isn't TLS.
 */
export function readClientHello(bytes: Buffer): ClientHello | "other" | undefined {
  try {
    const message = handshakeMessage(bytes);
    if (message === undefined) return bytes.length > mostBytes ? "other" : undefined;
    return { hostname: serverNameOf(message) };
  } catch (error) {
    if (error instanceof RangeError) return "other";
    throw error;
  }
}

/** The first handshake message, put together from its records; undefined while it isn't whole. */
function handshakeMessage(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== types.handshakeRecord || (bytes[at + 1] ?? 3) !== 3) throw new RangeError();
    if (bytes.length - at < 5) break;
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > mostBytes) throw new RangeError();
    parts.push(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  const message = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  if (message.length < 4) return undefined;
  const length = message.readUIntBE(1, 3);
  if (message[0] !== types.clientHello || length > mostBytes) throw new RangeError();
  return message.length < 4 + length ? undefined : message.subarray(4, 4 + length);
}

function serverNameOf(message: Buffer): string | undefined {
  // Version and random, then session id, cipher suites and compression methods, each behind its length.
  let at = 34;
  at += 1 + message.readUInt8(at);
  at += 2 + message.readUInt16BE(at);
  at += 1 + message.readUInt8(at);
  if (at === message.length) return undefined;
  const end = at + 2 + message.readUInt16BE(at);
  for (at += 2; at < end; ) {
    const type = message.readUInt16BE(at);
    const length = message.readUInt16BE(at + 2);
    if (type === types.serverName) return hostNameIn(message.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return undefined;
}

/** RFC 6066 §3: a list, of which only one kind of name was ever defined. */
function hostNameIn(list: Buffer): string | undefined {
  if (list.readUInt8(2) !== types.hostName) return undefined;
  const length = list.readUInt16BE(3);
  const name = list.toString("latin1", 5, 5 + length);
  return name.length !== length || name.includes(":") || name.includes("[") ? undefined : parseHost(name);
}
