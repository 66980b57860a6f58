import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** Without a port for TLS where nobody listens for it. */
export type GatewayAddress = { host: string; port: number; tlsPort?: number | undefined };

export type Visit = {
  /** For people, after "a request". */
  what: string;
  address: GatewayAddress;
  /** Names and values, as they go over the wire. */
  headers: readonly string[];
  target?: string;
  /** By TLS, for this host's certificate. */
  securedFor?: string;
};
export type Visited = { status: number; body: string };

/** What the gateway says it would pass on to the application of a canary. */
export type Echo = {
  tenants: string[];
  environments: string[];
  claims: { sub: string; env: string }[];
};

const mostMs = 5_000;
const mostBytes = 64 * 1024;

/**
 * One request, written by hand: clients that mean well refuse to send what is tried here. Rejects when nobody answers.
 */
export function visit({ address, headers, target = "/", securedFor }: Visit): Promise<Visited> {
  const { promise, resolve, reject } = Promise.withResolvers<Visited>();
  const socket = open(address, securedFor);
  let text = "";
  const lines = [`GET ${target} HTTP/1.1`];
  for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  if (!headers.includes("Connection")) lines.push("Connection: close");
  const end = () => {
    socket.destroy();
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1]);
    if (Number.isNaN(status)) reject(new Error("The gateway closed the connection without an answer."));
    else resolve({ status, body: text.slice(text.indexOf("\r\n\r\n") + 4) });
  };
  socket.setEncoding("latin1");
  socket.on(securedFor === undefined ? "connect" : "secureConnect", () =>
    socket.write(`${lines.join("\r\n")}\r\n\r\n`),
  );
  socket.on("data", (piece: string) => {
    text += piece;
    if (text.length > mostBytes || isWhole(text)) end();
  });
  socket.on("end", end);
  socket.on("timeout", () => socket.destroy(new Error("The gateway doesn't answer.")));
  socket.on("error", reject);
  return promise;
}

function open({ host, port, tlsPort }: GatewayAddress, securedFor: string | undefined): Socket {
  if (securedFor === undefined) return connect({ host, port, timeout: mostMs });
  // Who signed the certificate is for visitors to judge; here it matters whose host it was asked for.
  const secured = { servername: securedFor, ALPNProtocols: ["http/1.1"], rejectUnauthorized: false };
  return connectTls({ host, port: tlsPort, timeout: mostMs, ...secured });
}

function isWhole(text: string): boolean {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head + 2))?.[1];
  return length !== undefined && text.length >= head + 4 + Number(length);
}

/** Undefined for answers that aren't the gateway's echo to a canary. */
export function echoOf({ status, body }: Visited): Echo | undefined {
  if (status !== 200) return undefined;
  try {
    const { tenantryCanary } = JSON.parse(body) as { tenantryCanary?: Echo };
    return tenantryCanary;
  } catch {
    return undefined;
  }
}
