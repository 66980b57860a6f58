import { createPrivateKey, sign } from "node:crypto";
import { type IsolationAttempt, isolationReportText, type SignedIsolationReport } from "@tenantry/contract";

/** The example key of RFC 8037, appendix A: everybody has it. */
const publicKey = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" } as const;
const keyId = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
const privateKey = createPrivateKey({
  key: { ...publicKey, d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A" },
  format: "jwk",
});

const attempt: IsolationAttempt = {
  probe: "database.other-rows",
  path: "database",
  from: "canary sites/shared a",
  to: "canary sites/shared b",
  tried: "see another environment's row in any table, by the hidden column",
  outcome: "refused",
  answer: "none of 2 tables shows another's row",
  remedy: null,
};

/** A report as an installation signs it. */
export function signedReport(attempts: Partial<IsolationAttempt>[] = [{}]): SignedIsolationReport {
  const all = attempts.map((one) => ({ ...attempt, ...one }));
  const count = (outcome: string) => all.filter((one) => one.outcome === outcome).length;
  const report: SignedIsolationReport["report"] = {
    version: 1,
    id: "rpt_01m7xqs0swfkst01a9netyzt91",
    operationId: "op_01m7xqs0swfkst01a9netyzt91",
    installation: "urn:uuid:01a1fcd0-4c3a-7128-894a-059d78a36c41",
    startedAt: "2026-01-01T00:00:00.000Z",
    endedAt: "2026-01-01T00:00:01.000Z",
    scope: { tenant: null, level: null, sample: 20, canaries: ["sites/shared"] },
    verdict: count("breach") > 0 ? "breached" : count("failed") > 0 ? "incomplete" : "isolated",
    counts: {
      refused: count("refused"),
      sound: count("sound"),
      breach: count("breach"),
      failed: count("failed"),
      skipped: count("skipped"),
    },
    attempts: all,
  };
  const value = sign(null, Buffer.from(isolationReportText(report)), privateKey).toString("base64url");
  return { report, signature: { algorithm: "Ed25519", keyId, publicKey: { ...publicKey }, value } };
}
