import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createLocalJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { createDb, sql } from "../db/index.ts";
import { createSecrets } from "../secrets/index.ts";
import { loadSigner, publicJwks } from "./index.ts";

let registry: TestRegistry;
let directory: string;
const secrets = createSecrets(Buffer.alloc(32, 7));
const issuer = "tenantry-test";

beforeEach(async () => {
  await sql`truncate signing_keys`.execute(registry.db);
});
beforeAll(async () => {
  registry = await testRegistry();
  directory = await mkdtemp(path.join(tmpdir(), "tenantry-test-signing-"));
});
afterAll(async () => {
  await registry?.close();
  await rm(directory, { recursive: true, force: true });
});

test("one key is made, however many ask for it at once, and it stays", async () => {
  const signers = await Promise.all(
    Array.from({ length: 8 }, () => loadSigner({ db: registry.db, secrets, issuer })),
  );
  const again = await loadSigner({ db: registry.db, secrets, issuer });
  expect(new Set([...signers, again].map(({ kid }) => kid)).size).toBe(1);
});

test("a token is verified with the public keys, and says when it ends", async () => {
  const signer = await loadSigner({ db: registry.db, secrets, issuer });
  const now = Math.floor(Date.now() / 1_000);
  const token = signer.sign({ sub: "tnt_1", aud: "app_1", env: "env_1" }, 120, now);
  const keys = createLocalJWKSet(await publicJwks(registry.db));
  const { payload, protectedHeader } = await jwtVerify(token, keys, { issuer, audience: "app_1" });
  expect(protectedHeader).toEqual({ alg: "EdDSA", typ: "JWT", kid: signer.kid });
  expect(payload).toEqual({
    sub: "tnt_1",
    aud: "app_1",
    env: "env_1",
    iss: issuer,
    iat: now,
    exp: now + 120,
  });
  const [head, , signature] = token.split(".");
  const forged = Buffer.from(JSON.stringify({ ...payload, sub: "tnt_2" })).toString("base64url");
  await expect(jwtVerify(`${head}.${forged}.${signature}`, keys)).rejects.toThrow("signature");
});

test("the private half is nowhere to be read, and opens with this master key alone", async () => {
  const { kid } = await loadSigner({ db: registry.db, secrets, issuer });
  const { rows } = await sql<{ row: string; secret: Buffer }>`
    select k::text as row, private_secret as secret from signing_keys k
  `.execute(registry.db);
  const der = secrets.open(rows[0]!.secret, `signing-key:${kid}`);
  // The seed is the end of the PKCS #8 form.
  expect(rows[0]!.row).not.toContain(der.subarray(-32).toString("hex"));
  const other = createSecrets(Buffer.alloc(32, 8));
  await expect(loadSigner({ db: registry.db, secrets: other, issuer })).rejects.toThrow();
});

test("a key that was loaded once is there while the registry is away, sealed and for its owner alone", async () => {
  const cacheFile = path.join(directory, "deep", "signing-key.json");
  const loaded = await loadSigner({ db: registry.db, secrets, issuer, cacheFile });
  expect((await stat(cacheFile)).mode & 0o777).toBe(0o600);
  expect(await readFile(cacheFile, "utf8")).toContain(loaded.kid);
  const away = createDb({ url: "postgres://127.0.0.1:1/away", applicationName: "test" });
  const cached = await loadSigner({ db: away, secrets, issuer, cacheFile });
  expect(cached.kid).toBe(loaded.kid);
  const nowhere = path.join(directory, "none.json");
  await expect(loadSigner({ db: away, secrets, issuer, cacheFile: nowhere })).rejects.toThrow("ECONNREFUSED");
  await away.destroy();
});

test("a retired key verifies for an hour more, and signs nothing", async () => {
  const before = await loadSigner({ db: registry.db, secrets, issuer });
  await sql`update signing_keys set retired_at = now()`.execute(registry.db);
  const after = await loadSigner({ db: registry.db, secrets, issuer });
  expect(after.kid).not.toBe(before.kid);
  const kids = async () => (await publicJwks(registry.db)).keys.map(({ kid }) => kid);
  expect(await kids()).toEqual([after.kid, before.kid]);
  await sql`
    update signing_keys set retired_at = now() - interval '2 hours' where retired_at is not null
  `.execute(registry.db);
  expect(await kids()).toEqual([after.kid]);
});
