import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Db, inTransaction, type Tx } from "../../../infra/db/index.ts";
import type { Secrets } from "../../../infra/secrets/index.ts";
import { newId } from "../../../kernel/index.ts";
import type { CertificateDriver } from "../driver.ts";
import { createIssuer, makeAuthority } from "./issue.ts";
import {
  type AuthorityRow,
  insertAuthority,
  lockAuthorities,
  selectAuthority,
  selectNamesWithout,
} from "./local.sql.ts";

/** Certificates from an authority of the installation's own. */
export type LocalAuthority = CertificateDriver & {
  /** PEM: what people add to those whom their browser believes. */
  readonly certificate: string;
};

type Sealer = Pick<Secrets, "seal" | "open">;

/**
 * The installation's authority for `rootDomain` and the names below it. It is made on the first call, once, whoever
 * calls at the same time; the registry holds its key sealed. With `cacheFile` both are kept on disk too (the key
 * sealed, readable by its owner alone), for a start while the registry is away. Throws when neither has it.
 */
export async function openLocalAuthority(options: {
  db: Db;
  secrets: Sealer;
  rootDomain: string;
  cacheFile?: string;
}): Promise<LocalAuthority> {
  const { db, secrets, rootDomain, cacheFile } = options;
  return open(secrets, rootDomain, cacheFile, () => fromRegistry(db, secrets, rootDomain));
}

/**
 * The authority of one domain of a tenant's own, which can vouch for that name and those below it alone: whoever trusts
 * it has trusted nobody with anything else. Rejects where `prepareDomainAuthorities` made none.
 */
export async function openDomainAuthority(options: {
  db: Db;
  secrets: Sealer;
  hostname: string;
  cacheFile: string;
}): Promise<LocalAuthority> {
  const { db, secrets, hostname, cacheFile } = options;
  return open(secrets, hostname, cacheFile, async () => {
    const row = await selectAuthority(db, hostname);
    if (row === undefined) throw new Error(`There is no authority for ${hostname}.`);
    return row;
  });
}

/** Makes the authorities of these domains, where there are none; they go with the domains. Repeatable. */
export async function prepareDomainAuthorities(
  tx: Tx,
  secrets: Pick<Sealer, "seal">,
  domains: readonly { id: string; hostname: string }[],
): Promise<void> {
  if (domains.length === 0) return;
  await lockAuthorities(tx);
  const missing = new Set(
    await selectNamesWithout(
      tx,
      domains.map(({ hostname }) => hostname),
    ),
  );
  for (const { id: domainId, hostname } of domains.filter((one) => missing.has(one.hostname))) {
    const { sealed, expiresAt } = makeSealed(secrets, hostname);
    await insertAuthority(tx, { ...sealed, rootDomain: hostname, expiresAt, domainId });
  }
}

async function open(
  secrets: Sealer,
  rootDomain: string,
  cacheFile: string | undefined,
  find: () => Promise<AuthorityRow>,
): Promise<LocalAuthority> {
  const row = await find().catch(async (error: unknown) => {
    const cached = cacheFile ? await readCache(cacheFile, rootDomain) : undefined;
    if (cached === undefined) throw error;
    return cached;
  });
  if (cacheFile) await writeCache(cacheFile, rootDomain, row);
  const { certificate } = row;
  const issue = createIssuer({ certificate, privateKey: secrets.open(row.privateSecret, contextOf(row.id)) });
  return {
    driver: "local",
    certificate,
    async certificateFor(hostname) {
      if (hostname !== rootDomain && !hostname.endsWith(`.${rootDomain}`)) {
        throw new Error(`The local authority vouches for names below ${rootDomain}: not for ${hostname}.`);
      }
      return issue(hostname, new Date());
    },
  };
}

/** The certificate of the authority in use (PEM); undefined before there is one. */
export async function publicAuthority(db: Db, rootDomain: string): Promise<string | undefined> {
  return (await selectAuthority(db, rootDomain))?.certificate;
}

async function fromRegistry(db: Db, secrets: Sealer, rootDomain: string): Promise<AuthorityRow> {
  const known = await selectAuthority(db, rootDomain);
  if (known) return known;
  const { sealed, expiresAt } = makeSealed(secrets, rootDomain);
  return inTransaction(db, async (tx) => {
    await lockAuthorities(tx);
    const present = await selectAuthority(tx, rootDomain);
    if (present) return present;
    await insertAuthority(tx, { ...sealed, rootDomain, expiresAt });
    return sealed;
  });
}

function makeSealed(secrets: Pick<Sealer, "seal">, rootDomain: string) {
  const { certificate, privateKey, expiresAt } = makeAuthority(rootDomain, new Date());
  const id = newId();
  return { sealed: { id, certificate, privateSecret: secrets.seal(privateKey, contextOf(id)) }, expiresAt };
}

function contextOf(id: string): string {
  return `certificate-authority:${id}`;
}

type Cached = { rootDomain: string; id: string; certificate: string; privateSecret: string };

async function readCache(file: string, rootDomain: string): Promise<AuthorityRow | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const cached = JSON.parse(text) as Cached;
  if (cached.rootDomain !== rootDomain) return undefined;
  return { ...cached, privateSecret: Buffer.from(cached.privateSecret, "base64") };
}

async function writeCache(file: string, rootDomain: string, row: AuthorityRow): Promise<void> {
  const { id, certificate } = row;
  const cached: Cached = { rootDomain, id, certificate, privateSecret: row.privateSecret.toString("base64") };
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.new`, JSON.stringify(cached), { mode: 0o600 });
  await rename(`${file}.new`, file);
}
