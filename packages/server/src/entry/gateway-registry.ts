import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { openDomainAuthority, openLocalAuthority } from "../drivers/certificates/index.ts";
import { isBelow } from "../features/domains/index.ts";
import { prepareRegistryRole, type TlsOptions } from "../gateway/index.ts";
import type { Config } from "../infra/config/index.ts";
import { createDb, type Db } from "../infra/db/index.ts";
import type { Log } from "../infra/log/index.ts";
import type { Secrets } from "../infra/secrets/index.ts";
import { loadSigner, type Signer } from "../infra/signing/index.ts";
import { issuerOf } from "./addresses.ts";

/** What a gateway keeps on disk, beside the routes, to start from while the registry is away. */
export type KnownRegistry = { installationId: string; role: string | undefined };

type Dependencies = { config: Config; log: Log; db: Db; url: string; secrets: Secrets };

const fileOf = ({ dataDir }: Config, name: string) => path.join(dataDir, "gateway", name);

export const snapshotFileOf = (config: Config) => fileOf(config, "routes.json");

/** Learns from the registry what a gateway needs, and writes it down. */
export async function learnRegistry(deps: Dependencies, installationId: string): Promise<KnownRegistry> {
  const prepared = await prepareRegistryRole(deps.db, deps.url, installationId);
  if (prepared.role === undefined) deps.log.warn({ reason: prepared.reason }, "gateway.role_unavailable");
  const known = { installationId, role: prepared.role };
  const file = fileOf(deps.config, "registry.json");
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.new`, JSON.stringify(known), { mode: 0o600 });
  await rename(`${file}.new`, file);
  return known;
}

/** What was written down last time; undefined when there was none, or nothing whole. */
export async function recallRegistry(config: Config): Promise<KnownRegistry | undefined> {
  try {
    const known = JSON.parse(await readFile(fileOf(config, "registry.json"), "utf8")) as KnownRegistry;
    return typeof known.installationId === "string" ? known : undefined;
  } catch {
    return undefined;
  }
}

/** The gateway's own way into the registry: it may read what a gateway reads, and no more where that can be had. */
export function openGatewayDb(url: string, { role }: KnownRegistry): Db {
  return createDb({ url, role, applicationName: "tenantry gateway", maxConnections: 4 });
}

/** The installation's signer: from the registry, or from the disk while that is away. */
export function openSigner(deps: Dependencies, { installationId }: KnownRegistry): Promise<Signer> {
  const { db, secrets, config } = deps;
  return loadSigner({
    db,
    secrets,
    issuer: issuerOf(installationId),
    cacheFile: fileOf(config, "signing-key.json"),
  });
}

/** Where people find whom their browsers are to believe. */
export const authorityFileOf = (config: Config) => path.join(config.dataDir, "certificate-authority.pem");

/** What listening for TLS takes: the installation's authority, from the registry, or from the disk while that is away. */
export async function openTls({ db, secrets, config }: Dependencies): Promise<TlsOptions> {
  const { rootDomain, gateway } = config;
  const fixed = config.settings.automaticTls;
  const cacheFile = fileOf(config, "certificate-authority.json");
  const authority = await openLocalAuthority({ db, secrets, rootDomain, cacheFile });
  const file = authorityFileOf(config);
  await writeFile(`${file}.new`, authority.certificate, { mode: 0o644 });
  await rename(`${file}.new`, file);
  return {
    port: gateway.tlsPort,
    ...(fixed && { automatic: fixed.value as boolean }),
    async certificateFor(hostname) {
      if (isBelow(hostname, rootDomain)) return authority.certificateFor(hostname);
      const cacheFile = fileOf(config, path.join("domain-authorities", `${hostname}.json`));
      const own = await openDomainAuthority({ db, secrets, hostname, cacheFile });
      return own.certificateFor(hostname);
    },
    secretFor: (purpose) => secrets.fingerprint(purpose),
  };
}
