import { generateKeyPairSync, randomBytes } from "node:crypto";
import type { JsonWebKeyWithId, RuntimeSnapshot, TestKitJoined } from "@tenantry/contract";
import { showId } from "../../kernel/index.ts";
import type { Member } from "./members.ts";

/** What an installation has beside its tenants, and what each member's application is told of it. */
export type TestInstallation = {
  joined(member: Member): TestKitJoined;
  snapshot(
    member: Member,
    question: { since: string | undefined; processId: string | undefined },
    backends: number,
  ): RuntimeSnapshot;
};

export function createTestInstallation(options: { serverId: string; issuer: string }): TestInstallation {
  const { issuer } = options;
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const kid = randomBytes(12).toString("base64url");
  const { x = "" } = publicKey.export({ format: "jwk" });
  const key: JsonWebKeyWithId = { kid, kty: "OKP", crv: "Ed25519", x, alg: "EdDSA", use: "sig" };
  const pkcs8 = privateKey.export({ format: "der", type: "pkcs8" }).toString("base64");
  const jobKey = randomBytes(32).toString("base64");
  const serverId = showId("srv", options.serverId);
  const audienceOf = ({ ground }: Member): string => showId("app", ground.appId);

  return {
    joined: (member) => ({
      memberId: member.id,
      appKey: member.appKey,
      signing: { kid, privateKey: pkcs8, issuer, audience: audienceOf(member) },
    }),
    snapshot: (member, question, backends) => ({
      ...member.snapshot(question),
      keys: { keys: [key] },
      audience: audienceOf(member),
      issuer,
      budgets: [{ serverId, backends }],
      jobKey,
    }),
  };
}
