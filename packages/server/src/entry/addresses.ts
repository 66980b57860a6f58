import type { Config } from "../infra/config/index.ts";

/** Who signs tenants' tokens. */
export function issuerOf(installationId: string): string {
  return `urn:uuid:${installationId}`;
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
