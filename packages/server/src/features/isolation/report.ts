import type { IsolationAttempt, IsolationReport, SignedIsolationReport } from "@tenantry/contract";
import { isolationReportText } from "@tenantry/contract";
import type { DocumentSigner } from "../../infra/signing/index.ts";

/** Counts what came of the attempts; one breach is enough. */
export function makeReport(
  about: Omit<IsolationReport, "version" | "verdict" | "counts" | "attempts">,
  attempts: IsolationAttempt[],
): IsolationReport {
  const count = (outcome: IsolationAttempt["outcome"]) =>
    attempts.filter((attempt) => attempt.outcome === outcome).length;
  const counts = {
    refused: count("refused"),
    sound: count("sound"),
    breach: count("breach"),
    skipped: count("skipped"),
  };
  return { version: 1, ...about, verdict: counts.breach > 0 ? "breached" : "isolated", counts, attempts };
}

/** Whoever has the installation's public key can tell that nobody changed the report. */
export function signReport(report: IsolationReport, signer: DocumentSigner): SignedIsolationReport {
  return {
    report,
    signature: {
      algorithm: "Ed25519",
      keyId: signer.keyId,
      publicKey: signer.publicKey,
      value: signer.sign(isolationReportText(report)),
    },
  };
}
