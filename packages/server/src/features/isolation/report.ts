import type {
  IsolationAttempt,
  IsolationReport,
  IsolationVerdict,
  SignedIsolationReport,
} from "@tenantry/contract";
import { isolationReportText } from "@tenantry/contract";
import type { DocumentSigner } from "../../infra/signing/index.ts";

/** Counts what came of the attempts: one breach is enough, and what couldn't be tried isn't taken for refused. */
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
    failed: count("failed"),
    skipped: count("skipped"),
  };
  return { version: 1, ...about, verdict: verdictOf(counts), counts, attempts };
}

function verdictOf({ breach, failed }: IsolationReport["counts"]): IsolationVerdict {
  if (breach > 0) return "breached";
  return failed > 0 ? "incomplete" : "isolated";
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
