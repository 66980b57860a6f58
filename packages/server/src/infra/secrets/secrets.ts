import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from "node:crypto";

export type Secrets = {
  /** Names the master key without giving anything of it away. */
  readonly keyId: string;
  /**
   * Encrypts and authenticates. `context` says what the secret is and whose (`database_role:<uuid>`): it opens under
   * the same context alone, so a row's ciphertext is useless in another row.
   */
  seal(plain: Buffer | string, context: string): Buffer;
  /** A fingerprint (HMAC-SHA-256) that nobody can check guesses against without the master key. */
  fingerprint(text: string): Buffer;
  /** What was sealed. Throws for another master key (naming both), another context, or a changed byte. */
  open(sealed: Buffer, context: string): Buffer;
};

const version = 1;
const keyIdBytes = 6;
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = 1 + keyIdBytes + nonceBytes;

/** AES-256-GCM under a key derived from the master key: version, key id, nonce, ciphertext, tag. */
export function createSecrets(masterKey: Buffer): Secrets {
  const sealingKey = Buffer.from(hkdfSync("sha256", masterKey, "", "tenantry seal 1", 32));
  const keyIdentity = createHash("sha256").update("tenantry key id\0").update(masterKey).digest();
  const ownId = keyIdentity.subarray(0, keyIdBytes);
  const keyId = ownId.toString("hex");

  const markingKey = Buffer.from(hkdfSync("sha256", masterKey, "", "tenantry fingerprint 1", 32));

  return {
    keyId,
    fingerprint: (text) => createHmac("sha256", markingKey).update(text).digest(),
    seal(plain, context) {
      const nonce = randomBytes(nonceBytes);
      const head = Buffer.concat([Buffer.of(version), ownId, nonce]);
      const cipher = createCipheriv("aes-256-gcm", sealingKey, nonce, { authTagLength: tagBytes });
      cipher.setAAD(Buffer.concat([head, Buffer.from(context)]));
      const body = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([head, body, cipher.getAuthTag()]);
    },
    open(sealed, context) {
      if (sealed.length < headBytes + tagBytes || sealed[0] !== version) {
        throw new Error(`The secret ${context} isn't in a form this version knows.`);
      }
      const sealedBy = sealed.subarray(1, 1 + keyIdBytes).toString("hex");
      if (sealedBy !== keyId) {
        throw new Error(
          `The secret ${context} was sealed with the master key ${sealedBy}, but this one is ${keyId}: start with the installation's own key file.`,
        );
      }
      const nonce = sealed.subarray(1 + keyIdBytes, headBytes);
      const decipher = createDecipheriv("aes-256-gcm", sealingKey, nonce, { authTagLength: tagBytes });
      decipher.setAAD(Buffer.concat([sealed.subarray(0, headBytes), Buffer.from(context)]));
      decipher.setAuthTag(sealed.subarray(-tagBytes));
      try {
        return Buffer.concat([decipher.update(sealed.subarray(headBytes, -tagBytes)), decipher.final()]);
      } catch (error) {
        throw new Error(`The secret ${context} was changed, or belongs elsewhere.`, { cause: error });
      }
    },
  };
}
