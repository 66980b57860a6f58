import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { SignedIsolationReport } from "@tenantry/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signedReport } from "../../testing/reports.ts";
import { run } from "../../testing/run.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "tenantry-cli-reports-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** No installation is known here: whatever asked for one would fail. */
async function check(document: unknown, flags = "") {
  const file = path.join(directory, `${crypto.randomUUID()}.json`);
  await writeFile(file, JSON.stringify(document));
  return run(`tenantry isolation check-report ${file} ${flags}`.trim(), {});
}

const breach = { outcome: "breach", answer: "Other rows show.", remedy: "Mend the policy." } as const;

describe("a report that somebody was given", () => {
  it("is told to be genuine without asking anybody, and shown with what got through", async () => {
    const { code, stdout } = await check(signedReport([{}, { ...breach, probe: "database.views" }]));
    expect(code).toBe(0);
    expect(stdout).toContain("is as kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k signed it");
    expect(stdout).toContain("breached");
    expect(stdout).toContain("Mend the policy.");
  });

  it("is genuine whatever the order of its members", async () => {
    const { report, signature } = signedReport();
    const turned = Object.fromEntries(Object.entries(report).reverse());
    expect(await check({ signature, report: turned })).toMatchObject({ code: 0 });
  });

  it.each<[string, (document: SignedIsolationReport) => void]>([
    ["an attempt was taken out", ({ report }) => void report.attempts.pop()],
    ["an outcome was changed", ({ report }) => Object.assign(report.attempts[0]!, { outcome: "sound" })],
    ["the verdict was changed", ({ report }) => Object.assign(report, { verdict: "breached" })],
    ["a member was added", ({ report }) => Object.assign(report, { note: "all is well" })],
    ["the signature is another's", ({ signature }) => Object.assign(signature, { value: "A".repeat(86) })],
    ["the key is another's", ({ signature }) => Object.assign(signature.publicKey, { x: "A".repeat(43) })],
    ["the key is none", ({ signature }) => Object.assign(signature.publicKey, { x: "" })],
    ["the key's id is another's", ({ signature }) => Object.assign(signature, { keyId: "B".repeat(43) })],
  ])("isn't taken when %s", async (_what, change) => {
    const document = signedReport();
    change(document);
    const { code, stderr, stdout } = await check(document);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("isn't a report that the installation signed");
  });

  it("isn't taken when another key than the one asked for signed it", async () => {
    const key = signedReport().signature.keyId;
    expect(await check(signedReport(), `--key ${key}`)).toMatchObject({ code: 0 });
    expect(await check(signedReport(), `--key ${"C".repeat(43)}`)).toMatchObject({ code: 1 });
  });

  it.each(["none", 7, null, {}, { report: {}, signature: {} }])(
    "is said to be none when it is %j",
    async (other) => {
      const { code, stderr } = await check(other);
      expect(code).toBe(1);
      expect(stderr).toContain("is no signed report");
    },
  );
});
