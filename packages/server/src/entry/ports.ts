import { createServer } from "node:net";
import type { Config } from "../infra/config/index.ts";
import type { Role } from "./roles.ts";

/** Looks whether our ports are free before anything is started, so that a taken one harms nothing. */
export async function requireFreePorts(
  config: Pick<Config, Listening>,
  roles: ReadonlySet<Role>,
): Promise<void> {
  for (const role of ["api", "gateway"] as const) {
    const { host, port } = config[role];
    if (roles.has(role) && port !== 0) await requireFree(host, port);
  }
}

type Listening = "api" | "gateway";

function requireFree(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => reject(Object.assign(error, { port })));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}

/** Whether nobody listens there at this moment. */
export function isFree(host: string, port: number): Promise<boolean> {
  return requireFree(host, port).then(
    () => true,
    () => false,
  );
}
