import { createServer } from "node:net";
import type { Config } from "../infra/config/index.ts";
import type { Role } from "./roles.ts";

/** Looks whether our ports are free before anything is started, so that a taken one harms nothing. */
export async function requireFreePorts(
  config: Pick<Config, Listening>,
  roles: ReadonlySet<Role>,
): Promise<void> {
  for (const { role, host, port } of portsOf(config)) {
    if (roles.has(role) && port !== 0) await requireFree(host, port);
  }
}

type Listening = "api" | "gateway";

/** Every port that is to be listened on, and the flag that chooses it; 0 for any free one. */
export function portsOf({ api, gateway }: Pick<Config, Listening>) {
  return [
    { name: "api", role: "api", flag: "--api-port", host: api.host, port: api.port },
    { name: "gateway", role: "gateway", flag: "--gateway-port", host: gateway.host, port: gateway.port },
    { name: "https", role: "gateway", flag: "--tls-port", host: gateway.host, port: gateway.tlsPort },
  ] as const;
}

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
