import { generateKeyPairSync } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type { JsonWebKeyWithId } from "@tenantry/contract";
import { calculateJwkThumbprint } from "jose";
import { type Db, inTransaction } from "../db/index.ts";
import { createDocumentSigner, createSigner, type DocumentSigner, type Signer } from "./signer.ts";
import {
  insertSigningKey,
  lockSigningKeys,
  type SigningKeyRow,
  selectPublicKeys,
  selectSigningKey,
} from "./signing.sql.ts";

/** Encrypts for the registry, bound to a context: what was sealed for one purpose doesn't open for another. */
export type Sealer = {
  seal(plain: Buffer | string, context: string): Buffer;
  open(sealed: Buffer, context: string): Buffer;
};

/**
 * The signer of this installation. Its key is made on the first call, once, whoever calls at the same time; the
 * registry holds the private half sealed. With `cacheFile` the sealed key is kept on disk too (readable by its owner
 * alone), for a start while the registry is away. Throws when neither has it.
 */
export async function loadSigner(options: {
  db: Db;
  secrets: Sealer;
  issuer: string;
  cacheFile?: string;
}): Promise<Signer> {
  const { secrets, cacheFile } = options;
  const row = await keyFromRegistry(options.db, secrets).catch(async (error: unknown) => {
    const cached = cacheFile ? await readCache(cacheFile) : undefined;
    if (cached === undefined) throw error;
    return cached;
  });
  if (cacheFile) await writeCache(cacheFile, row);
  const privateKey = secrets.open(row.privateSecret, contextOf(row.kid));
  return createSigner({ kid: row.kid, privateKey, issuer: options.issuer });
}

/** The installation's signer of documents, by the key that its tokens are signed with. */
export async function loadDocumentSigner(db: Db, secrets: Sealer): Promise<DocumentSigner> {
  const row = await keyFromRegistry(db, secrets);
  return createDocumentSigner({
    kid: row.kid,
    privateKey: secrets.open(row.privateSecret, contextOf(row.kid)),
  });
}

/** The public keys (RFC 7517) by which applications verify `Tenantry-Token`; served at /.well-known/jwks.json. */
export async function publicJwks(db: Db): Promise<{ keys: JsonWebKeyWithId[] }> {
  return { keys: await selectPublicKeys(db) };
}

async function keyFromRegistry(db: Db, secrets: Sealer): Promise<SigningKeyRow> {
  const known = await selectSigningKey(db);
  if (known) return known;
  const made = await makeKey(secrets);
  return inTransaction(db, async (tx) => {
    await lockSigningKeys(tx);
    const present = await selectSigningKey(tx);
    if (present) return present;
    await insertSigningKey(tx, made);
    return made;
  });
}

async function makeKey(secrets: Sealer): Promise<SigningKeyRow> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const { x = "" } = publicKey.export({ format: "jwk" });
  const kid = await calculateJwkThumbprint({ kty: "OKP", crv: "Ed25519", x });
  const der = privateKey.export({ format: "der", type: "pkcs8" });
  return {
    kid,
    publicJwk: { kid, kty: "OKP", crv: "Ed25519", x, alg: "EdDSA", use: "sig" },
    privateSecret: secrets.seal(der, contextOf(kid)),
  };
}

function contextOf(kid: string): string {
  return `signing-key:${kid}`;
}

async function readCache(file: string): Promise<SigningKeyRow | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const cached = JSON.parse(text) as { kid: string; publicJwk: JsonWebKeyWithId; privateSecret: string };
  return { ...cached, privateSecret: Buffer.from(cached.privateSecret, "base64") };
}

async function writeCache(file: string, row: SigningKeyRow): Promise<void> {
  const text = JSON.stringify({ ...row, privateSecret: row.privateSecret.toString("base64") });
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
