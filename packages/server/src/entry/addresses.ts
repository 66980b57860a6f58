import type { Config } from "../infra/config/index.ts";

/** Who signs tenants' tokens. */
export function issuerOf(installationId: string): string {
  return `urn:uuid:${installationId}`;
}

/** Where a process of this machine finds the gateway. */
export function gatewayAddress(
  config: Pick<Config, "gateway">,
  port: number,
): { host: string; port: number } {
  const { host } = config.gateway;
  return { host: ["localhost", "0.0.0.0", "::"].includes(host) ? "127.0.0.1" : host, port };
}

/** Where browsers find a hostname of ours. */
export function publicUrlOf(
  config: Pick<Config, "publicUrl">,
  hostname: string,
  gatewayPort: number,
): string {
  if (!config.publicUrl) return `http://${hostname}:${gatewayPort}/`;
  const url = new URL(config.publicUrl);
  url.hostname = hostname;
  return url.href;
}
