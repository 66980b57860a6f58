import type { AddressInfo, Server } from "node:net";
import type { Log } from "../infra/log/index.ts";

type Place = {
  /** Without them: the loopback addresses of both families, or the one that the machine has. */
  hosts: readonly string[] | undefined;
  /** 0 takes one that is free on all of them. */
  port: number;
};

/** Lets servers listen on all hosts at one port. Rejects with EADDRINUSE when it is taken; none is left listening. */
export async function listenEverywhere<Kind extends Server>(
  { hosts, port }: Place,
  make: () => Kind,
  log: Log,
): Promise<{ port: number; servers: Kind[] }> {
  for (let attempt = 1; ; attempt += 1) {
    const servers: Kind[] = [];
    try {
      return { port: await listenOnAll({ hosts, port }, make, servers, log), servers };
    } catch (error) {
      await closeAll(servers);
      // A port that one family gave out may be taken in the other.
      const taken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
      if (port !== 0 || !taken || attempt === 20) throw error;
    }
  }
}

/** Takes no more connections; resolves when those that are open have ended. */
export async function closeAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
}

async function listenOnAll<Kind extends Server>(
  { hosts, port: wanted }: Place,
  make: () => Kind,
  servers: Kind[],
  log: Log,
): Promise<number> {
  let port = wanted;
  for (const host of hosts ?? ["127.0.0.1", "::1"]) {
    const server = make();
    try {
      await listenOn(server, host, port);
    } catch (error) {
      if (hosts || servers.length === 0 || !isMissingFamily(error)) throw error;
      log.info({ host }, "gateway.address_missing");
      continue;
    }
    servers.push(server);
    port = (server.address() as AddressInfo).port;
  }
  return port;
}

function isMissingFamily(error: unknown): boolean {
  return ["EADDRNOTAVAIL", "EAFNOSUPPORT"].includes((error as NodeJS.ErrnoException).code ?? "");
}

function listenOn(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, ipv6Only: true, backlog: 1_024 }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
