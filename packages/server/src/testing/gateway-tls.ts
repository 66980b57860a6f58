import { createServer } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { createIssuer, makeAuthority } from "../drivers/certificates/local/issue.ts";
import type { TlsOptions } from "../gateway/index.ts";
import { createSecrets } from "../infra/secrets/index.ts";
import { waitUntil } from "./wait-until.ts";

export type TestTls = {
  options: TlsOptions;
  /** Whom a client has to believe. */
  ca: string;
  /** The hostnames that a certificate was asked for, in order. */
  issued: string[];
};

/** What a gateway takes to listen for TLS, with an authority of this test's own. */
export function testTls(): TestTls {
  const authority = makeAuthority("localhost", new Date());
  const issue = createIssuer(authority);
  const secrets = createSecrets(Buffer.alloc(32, 9));
  const issued: string[] = [];
  return {
    ca: authority.certificate,
    issued,
    options: {
      port: 0,
      secretFor: (purpose) => secrets.fingerprint(purpose),
      async certificateFor(hostname: string) {
        issued.push(hostname);
        return issue(hostname, new Date());
      },
    },
  };
}

export type SecureConnection = {
  socket: TLSSocket;
  write(text: string): void;
  until(text: string): Promise<string>;
  /** Waits until the other side has closed; everything that arrived. */
  closed(): Promise<string>;
  /** Why it failed, if it did. */
  error(): string | undefined;
};

/** A connection under TLS to 127.0.0.1 that says exactly what it is told to. */
export function secureConnection(port: number, options: ConnectionOptions): SecureConnection {
  const socket = connect({ host: "127.0.0.1", port, servername: "acme.localhost", ...options });
  let received = "";
  let over = false;
  let failure: string | undefined;
  socket.on("data", (piece) => {
    received += piece.toString("latin1");
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    failure = error.code ?? error.message;
  });
  socket.on("close", () => {
    over = true;
  });
  return {
    socket,
    write: (text) => void socket.write(Buffer.from(text, "latin1")),
    async until(text) {
      await waitUntil(`"${text}" arrives`, () => received.includes(text) || over);
      if (!received.includes(text)) throw new Error(`It closed before "${text}": ${failure} ${received}`);
      return received;
    },
    async closed() {
      await waitUntil("the connection is closed", () => over);
      return received;
    },
    error: () => failure,
  };
}

/** What OpenSSL says first. */
export async function clientHello(options: ConnectionOptions): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const server = createServer((socket) => {
    let said = Buffer.alloc(0);
    socket
      .on("error", () => undefined)
      .on("data", (bytes) => {
        said = Buffer.concat([said, bytes]);
        if (said.length < 5 + said.readUInt16BE(3)) return;
        resolve(said);
        socket.destroy();
      });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as { port: number };
  connect({ host: "127.0.0.1", port, ...options }).on("error", () => undefined);
  const said = await promise;
  server.close();
  return said;
}
