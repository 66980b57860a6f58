import { createHash, createPublicKey, verify } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { SignedIsolationReport } from "@tenantry/contract";
import type { Command } from "commander";
import { defineCommand } from "../../command.ts";
import { unreadable } from "../../files.ts";
import type { Look } from "../../output/look.ts";
import { createOutput } from "../../output/output.ts";
import { CliError } from "../../problem.ts";
import { showReport } from "./show-report.ts";

type CheckOptions = { key?: string; json?: boolean };

/** Needs no installation: whoever was given a report may be far from it. */
export function checkReportCommand(): Command {
  return defineCommand("check-report", {
    summary: "tell whether a report is as the installation signed it, without asking anybody",
    details:
      "Exit code 1 when it was changed, or signed by another key than the one given by --key. Without --key it is only " +
      "sure that nobody changed it: compare the key's id with the installation's, at /.well-known/jwks.json of its API.",
    examples: [
      "isolation check-report report.json",
      "isolation check-report report.json --key kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    ],
  })
    .argument("<file>", "as `isolation report --json` or `isolation verify --json` printed it")
    .option("--key <id>", "the id of the key that must have signed it")
    .option("--json", "print JSON, for programs")
    .action(async (file: string, { key, json = false }: CheckOptions) => {
      const document = await readReport(file);
      const { isolationReportText } = await import("@tenantry/contract");
      check(document, isolationReportText(document.report), key);
      createOutput(json).result(document, (one: SignedIsolationReport, look: Look) =>
        [`The report is as ${one.signature.keyId} signed it.`, showReport(one, look)].join("\n\n"),
      );
    });
}

async function readReport(file: string): Promise<SignedIsolationReport> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  try {
    const document = JSON.parse(text) as SignedIsolationReport;
    if (typeof document.signature.value === "string" && Array.isArray(document.report.attempts))
      return document;
  } catch {
    // Said below: it is no report either way.
  }
  throw new CliError({
    title: `${file} is no signed report.`,
    remedy: "Print one with `tenantry isolation report <id> --json`.",
  });
}

function check({ signature }: SignedIsolationReport, text: string, wanted: string | undefined): void {
  const { publicKey, keyId, value } = signature;
  // RFC 7638: members in this order, and no others.
  const { crv, kty, x } = publicKey;
  const thumbprint = createHash("sha256").update(JSON.stringify({ crv, kty, x })).digest("base64url");
  if (thumbprint !== keyId) throw changed("The key isn't the one that its id names.");
  if (wanted !== undefined && wanted !== keyId) throw changed(`It was signed by ${keyId}.`);
  if (!isSigned(text, publicKey, value)) throw changed("The signature doesn't fit what stands in it.");
}

function isSigned(
  text: string,
  { crv, kty, x }: SignedIsolationReport["signature"]["publicKey"],
  value: string,
): boolean {
  try {
    const key = createPublicKey({ key: { crv, kty, x }, format: "jwk" });
    return verify(null, Buffer.from(text), key, Buffer.from(value, "base64url"));
  } catch {
    return false;
  }
}

function changed(detail: string): CliError {
  return new CliError({
    title: "This isn't a report that the installation signed.",
    detail: `This isn't a report that the installation signed. ${detail}`,
    remedy: "Ask the installation for it again: `tenantry isolation report <id> --json`.",
  });
}
