import { connect, type Socket } from "node:net";
import { waitUntil } from "./wait-until.ts";

/** A GET for acme.localhost, after whose answer the connection closes. */
export function getRequest(path = "/", ...headers: string[]): string {
  const lines = [`GET ${path} HTTP/1.1`, "Host: acme.localhost", "Connection: close", ...headers];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** The head and the body of an answer as it came over the wire; a chunked body is put together. */
export function parseAnswer(text: string): { status: number; head: string; body: string } {
  const end = text.indexOf("\r\n\r\n");
  const head = text.slice(0, end);
  const rest = text.slice(end + 4);
  const body = /\r\ntransfer-encoding: chunked/i.test(head) ? unchunk(rest) : rest;
  return { status: Number(head.slice(9, 12)), head, body };
}

function unchunk(text: string): string {
  let plain = "";
  for (let at = 0; ; ) {
    const end = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, end), 16);
    if (Number.isNaN(size)) throw new Error(`No size of a chunk at ${at}.`);
    if (size === 0) return plain;
    plain += text.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}

export type RawConnection = {
  socket: Socket;
  write(text: string | Buffer): void;
  /** What has arrived so far, byte for byte. */
  received(): string;
  /** Waits until what arrived holds `text`. */
  until(text: string): Promise<string>;
  /** Waits until the other side has closed; everything that arrived. */
  closed(): Promise<string>;
};

/** A connection that says exactly what it is told to. */
export function rawConnection(port: number, host = "127.0.0.1"): RawConnection {
  const socket = connect({ port, host });
  let received = "";
  let over = false;
  socket.on("data", (chunk) => {
    received += chunk.toString("latin1");
  });
  socket.on("error", () => {
    over = true;
  });
  socket.on("close", () => {
    over = true;
  });
  return {
    socket,
    write: (text) => void socket.write(typeof text === "string" ? Buffer.from(text, "latin1") : text),
    received: () => received,
    async until(text) {
      await waitUntil(`"${text}" arrives`, () => received.includes(text) || over);
      if (!received.includes(text)) throw new Error(`The connection closed before "${text}": ${received}`);
      return received;
    },
    async closed() {
      await waitUntil("the connection is closed", () => over);
      return received;
    },
  };
}
