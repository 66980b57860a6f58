import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDb, inTransaction, sql } from "../../../infra/db/index.ts";
import { createSecrets } from "../../../infra/secrets/index.ts";
import { newId } from "../../../kernel/index.ts";
import { type TestRegistry, testRegistry } from "../../../testing/registry.ts";
import { insertTestApp, insertTestTenant } from "../../../testing/tenants.ts";
import { describeCertificateDriver } from "../driver.testsuite.ts";
import {
  openDomainAuthority,
  openLocalAuthority,
  prepareDomainAuthorities,
  publicAuthority,
} from "./index.ts";
import { createIssuer, makeAuthority } from "./issue.ts";

let registry: TestRegistry;
let directory: string;
const secrets = createSecrets(Buffer.alloc(32, 7));
const rootDomain = "localhost";
const open = (cacheFile?: string) =>
  openLocalAuthority({ db: registry.db, secrets, rootDomain, ...(cacheFile ? { cacheFile } : {}) });

beforeAll(async () => {
  registry = await testRegistry();
  directory = await mkdtemp(path.join(tmpdir(), "tenantry-test-authority-"));
});
afterAll(async () => {
  await registry?.close();
  await rm(directory, { recursive: true, force: true });
});

describeCertificateDriver("local", async () => {
  const own = await testRegistry();
  return {
    driver: await openLocalAuthority({ db: own.db, secrets, rootDomain }),
    names: { good: "acme.localhost", other: "other.localhost", foreign: "acme.example.com" },
    close: () => own.close(),
  };
});

test("one authority is made, however many ask for it at once, and it stays", async () => {
  const authorities = await Promise.all(Array.from({ length: 8 }, () => open()));
  const again = await open();
  expect(new Set([...authorities, again].map(({ certificate }) => certificate)).size).toBe(1);
  expect(await publicAuthority(registry.db, rootDomain)).toBe(again.certificate);
});

test("what it issues leads to it, and it may vouch for nothing beyond its root domain", async () => {
  const authority = await open();
  const certificate = new X509Certificate(authority.certificate);
  expect(certificate.ca).toBe(true);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  const issued = new X509Certificate((await authority.certificateFor("acme.localhost")).chain);
  expect(issued.checkIssued(certificate)).toBe(true);
  expect(issued.verify(certificate.publicKey)).toBe(true);
  // Name constraints (2.5.29.30), critical, permitting "localhost": RFC 5280 §4.2.1.10.
  const constraints = Buffer.from("0603551d1e0101ff", "hex");
  expect(certificate.raw.includes(constraints)).toBe(true);
  expect(
    certificate.raw.includes(
      Buffer.concat([Buffer.from([0x82, rootDomain.length]), Buffer.from(rootDomain)]),
    ),
  ).toBe(true);
});

test("another root domain gets an authority of its own", async () => {
  const other = await openLocalAuthority({ db: registry.db, secrets, rootDomain: "example.com" });
  expect(other.certificate).not.toBe((await open()).certificate);
  await expect(other.certificateFor("acme.localhost")).rejects.toThrow("acme.localhost");
  expect(await publicAuthority(registry.db, "nowhere.example")).toBeUndefined();
});

test("an authority that is about to run out is followed by another", async () => {
  const { certificate } = await open();
  await sql`
    update certificate_authorities set expires_at = now() + interval '29 days' where root_domain = ${rootDomain}
  `.execute(registry.db);
  expect((await open()).certificate).not.toBe(certificate);
});

test("no certificate outlives the authority that issued it", () => {
  const authority = makeAuthority(rootDomain, new Date());
  const near = new Date(authority.expiresAt.getTime() - 86_400_000);
  const { expiresAt } = createIssuer(authority)("acme.localhost", near);
  expect(expiresAt.getTime()).toBeLessThanOrEqual(authority.expiresAt.getTime());
});

test("the key is nowhere to be read, and opens with this master key alone", async () => {
  await open();
  const { rows } = await sql<{ id: string; row: string; secret: Buffer }>`
    select id, a::text as row, private_secret as secret from certificate_authorities a
    where root_domain = ${rootDomain} order by created_at desc limit 1
  `.execute(registry.db);
  const { id, row, secret } = rows[0]!;
  const der = secrets.open(secret, `certificate-authority:${id}`);
  expect(row).not.toContain(der.subarray(40, 70).toString("hex"));
  const others = createSecrets(Buffer.alloc(32, 8));
  await expect(openLocalAuthority({ db: registry.db, secrets: others, rootDomain })).rejects.toThrow(
    "master key",
  );
});

test("it is kept on disk, sealed and for its owner alone, and serves while the registry is away", async () => {
  const file = path.join(directory, "gateway", "authority.json");
  const { certificate } = await open(file);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, "utf8")).not.toContain("PRIVATE KEY");
  const away = createDb({ url: "postgres://127.0.0.1:1/nowhere", applicationName: "test" });
  const offline = await openLocalAuthority({ db: away, secrets, rootDomain, cacheFile: file });
  expect(offline.certificate).toBe(certificate);
  await expect(offline.certificateFor("acme.localhost")).resolves.toBeDefined();
  const elsewhere = { db: away, secrets, rootDomain: "example.com", cacheFile: file };
  await expect(openLocalAuthority(elsewhere)).rejects.toThrow();
  await away.destroy();
});

test("a domain of a tenant's own has an authority that vouches for it alone, which others than its keepers don't make", async () => {
  const { db } = registry;
  const hostname = "shop.example";
  const cacheFile = path.join(directory, "gateway", "domains", `${hostname}.json`);
  await expect(openDomainAuthority({ db, secrets, hostname, cacheFile })).rejects.toThrow(hostname);
  const { tenantId, environmentId } = await insertTestTenant(db, await insertTestApp(db, "sites"), "owner");
  const id = newId();
  await sql`
    insert into domains (id, tenant_id, environment_id, hostname) values (${id}, ${tenantId}, ${environmentId}, ${hostname})
  `.execute(db);
  const prepare = () => inTransaction(db, (tx) => prepareDomainAuthorities(tx, secrets, [{ id, hostname }]));
  await Promise.all([prepare(), prepare()]);
  const authority = await openDomainAuthority({ db, secrets, hostname, cacheFile });
  expect(authority.certificate).toBe(await publicAuthority(db, hostname));
  const issued = new X509Certificate((await authority.certificateFor(hostname)).chain);
  expect(issued.checkHost(hostname)).toBe(hostname);
  expect(issued.checkIssued(new X509Certificate(authority.certificate))).toBe(true);
  await expect(authority.certificateFor("acme.localhost")).rejects.toThrow("acme.localhost");
  const away = createDb({ url: "postgres://127.0.0.1:1/nowhere", applicationName: "test" });
  const offline = await openDomainAuthority({ db: away, secrets, hostname, cacheFile });
  expect(offline.certificate).toBe(authority.certificate);
  await away.destroy();
  await sql`delete from domains where id = ${id}`.execute(db);
  expect(await publicAuthority(db, hostname)).toBeUndefined();
});
