import { createServer } from "node:net";
import type { Config } from "../infra/config/index.ts";

/** Looks whether our ports are free before anything is started, so that a taken one harms nothing. */
export async function requireFreePorts({ api, gateway }: Pick<Config, "api" | "gateway">): Promise<void> {
  for (const { host, port } of [api, gateway]) if (port !== 0) await requireFree(host, port);
}

function requireFree(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => reject(Object.assign(error, { port })));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}
