import { createDnsLookup } from "../drivers/dns/index.ts";
import type { DomainParts } from "../features/domains/index.ts";
import type { Settings } from "../features/settings/index.ts";
import type { Config } from "../infra/config/index.ts";
import type { Db } from "../infra/db/index.ts";
import type { Secrets } from "../infra/secrets/index.ts";
import { publicUrlOf } from "./addresses.ts";

type Given = { config: Config; db: Db; secrets: Secrets; settings: Settings; gatewayPort: number };

/** What domains of tenants' own are claimed, proven and shown with. */
export function composeDomains({ config, db, secrets, settings, gatewayPort }: Given): DomainParts {
  const { rootDomain, dnsServers, publicUrl, api } = config;
  return {
    ...{ db, secrets, settings, rootDomain },
    dns: createDnsLookup({ servers: dnsServers }),
    hasOwnDns: dnsServers.length > 0,
    ownNames: [...api.names, ...(publicUrl ? [new URL(publicUrl).hostname] : [])],
    publicUrl: (hostname) => publicUrlOf(config, hostname, gatewayPort),
  };
}
