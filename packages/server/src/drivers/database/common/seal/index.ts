import type { InstallationRoles } from "../names.ts";
import { createGroupRole } from "../roles.sql.ts";
import type { Session } from "../session.ts";
import { createSeal, grantParameter, upsertSecret } from "./install.sql.ts";
import { revokeForms, revokeSharedReach } from "./revoke.sql.ts";
import { chooseStrategy, type SealStrategy } from "./strategy.ts";

export { bindLogin } from "./bind-login.ts";
export { type SealExpressions, type SealStrategy, sealExpressions } from "./strategy.ts";
export { verifySeal } from "./verify.ts";

export type SealRequest = {
  roles: InstallationRoles;
  /** The physical database's name on the server. */
  name: string;
  databaseId: string;
  /** 32 random bytes. Applications' processes get them with the runtime snapshot; the registry keeps ciphertext. */
  key: Buffer;
  /** A pooler stands between: tokens name no backend. False when left out. */
  pooled?: boolean;
  /** The best that can be had when left out. */
  strategy?: SealStrategy;
};

/**
 * Makes a database prove who asks: from now on `tenantry.enter(token)` opens an environment for the rest of its
 * transaction, and nothing else does. Tables are sealed by the expressions of the strategy that is returned. Repeatable;
 * another key replaces the one before.
 */
export async function installSeal(session: Session, request: SealRequest): Promise<SealStrategy> {
  const { roles, key } = request;
  const strategy = request.strategy ?? (await chooseStrategy(session));
  await createGroupRole(session, roles.seal);
  if (strategy === "parameter") await grantParameter(session, roles);
  await session.inDatabase(request.name, async (inside) => {
    await createSeal(inside, roles, strategy);
    const pooled = request.pooled ?? false;
    await upsertSecret(inside, { databaseId: request.databaseId, ...padsOf(key), pooled });
    await revokeForms(inside);
    if (session.superuser) await revokeSharedReach(inside, roles);
  });
  return strategy;
}

/** HMAC's key, made ready for its two rounds (RFC 2104); a key is no longer than SHA-256's block of 64 bytes. */
function padsOf(key: Buffer): { innerPad: Buffer; outerPad: Buffer } {
  if (key.length !== 32) throw new TypeError("The seal's key has 32 bytes.");
  const pad = (byte: number) => Buffer.alloc(64, byte).map((each, index) => each ^ (key[index] ?? 0));
  return { innerPad: Buffer.from(pad(0x36)), outerPad: Buffer.from(pad(0x5c)) };
}
