import type { InstallationRoles } from "../names.ts";
import { createGroupRole } from "../roles.sql.ts";
import type { Session } from "../session.ts";
import { createSeal, grantParameter, priceConditions, replaceSecret, upsertSecret } from "./install.sql.ts";
import { renewSeal } from "./renew.ts";
import { revokeForms, revokeSharedReach } from "./revoke.sql.ts";
import { chooseStrategy, type SealStrategy } from "./strategy.ts";

export { bindLogin } from "./bind-login.ts";
export { renewSeal } from "./renew.ts";
export { firstPolicy, type SealExpressions, type SealStrategy, sealExpressions } from "./strategy.ts";
export { type OwnFunctions, verifySeal } from "./verify.ts";

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
  const { roles } = request;
  const strategy = request.strategy ?? (await chooseStrategy(session));
  await createGroupRole(session, roles.seal);
  if (strategy === "parameter") await grantParameter(session, roles);
  await session.inDatabase(request.name, async (inside) => {
    await priceConditions(inside);
    await createSeal(inside, roles, strategy);
    const pooled = request.pooled ?? false;
    await upsertSecret(inside, { databaseId: request.databaseId, ...padsOf(request), pooled });
    await revokeForms(inside);
    if (session.superuser) await revokeSharedReach(inside, roles);
  });
  return strategy;
}

/**
 * Puts another secret in the place of the one that stands, which is as good for a while yet. Repeatable with the same.
 * Throws `isolation_unavailable` where the seal can't have two.
 */
export async function rotateSecret(
  session: Session,
  request: Pick<SealRequest, "name" | "databaseId" | "key" | "roles">,
): Promise<void> {
  await renewSeal(session, request);
  await session.inDatabase(request.name, (inside) => replaceSecret(inside, padsOf(request)));
}

/**
 * HMAC's key, made ready for its two rounds (RFC 2104); a key is no longer than SHA-256's block of 64 bytes. Each token's
 * message begins alike, with the version and the database's id.
 */
function padsOf({ key, databaseId }: Pick<SealRequest, "key" | "databaseId">): {
  innerPad: Buffer;
  outerPad: Buffer;
} {
  if (key.length !== 32) throw new TypeError("The seal's key has 32 bytes.");
  const pad = (byte: number) => Buffer.from(Buffer.alloc(64, byte).map((each, at) => each ^ (key[at] ?? 0)));
  const beginning = Buffer.from(`1${databaseId.replaceAll("-", "").toLowerCase()}`);
  return { innerPad: Buffer.concat([pad(0x36), beginning]), outerPad: pad(0x5c) };
}
