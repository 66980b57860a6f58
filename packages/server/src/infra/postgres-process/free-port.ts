import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Whether nobody listens on this port of `host` at this moment. */
export async function isFree(port: number, host: string): Promise<boolean> {
  return (await tryPort(port, host)) !== undefined;
}

/**
 * A port of `host` that nobody listens on at this moment. It lies below those that the kernel gives to connections and to
 * whoever asks for any, so that none of them takes it before its server does.
 */
export async function freePort(host: string): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const port = await tryPort(randomInt(20_000, 32_000), host);
    if (port !== undefined) return port;
  }
  const port = await tryPort(0, host);
  if (port === undefined) throw new Error(`No free port on ${host}.`);
  return port;
}

function tryPort(wanted: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE" || error.code === "EACCES") resolve(undefined);
      else reject(error);
    });
    server.listen({ port: wanted, host, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : undefined));
    });
  });
}
