import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { useInstallation } from "../../../test/support/use-installation.ts";
import { factsFor } from "./command.ts";
import { createProgram, everyCommand, fullName } from "./program.ts";
import { runWords, words } from "./testing/run.ts";

const installation = useInstallation();

let outermost: string;
/** Deep enough that a path with dots, which `export` may well write to, stays within the outermost. */
let directory: string;
beforeAll(async () => {
  outermost = await mkdtemp(path.join(tmpdir(), "tenantry-hostile-flags-"));
  directory = path.join(outermost, "some", "levels", "below");
  await mkdir(path.join(directory, "migrations"), { recursive: true });
  await writeFile(path.join(directory, "migrations", "001_notes.sql"), "create table notes (id int);\n");
  await writeFile(path.join(directory, "tenants.yaml"), "apiVersion: tenantry/v1\ntenants: []\n");
});
afterAll(() => rm(outermost, { recursive: true, force: true }));

/** What a terminal obeys; colours are ours. */
const obeyed = ["\u0007", "\u202e", "\u001b[2J"];

/** What somebody might give by mistake, or to do harm. */
const hostile = [
  "",
  " ",
  "a\u0007b\u001b[2J",
  "\u202elive",
  "<script>alert(1)</script>",
  "' or 1=1; drop table tenants --",
  "../../nowhere/passwd",
  "-1",
  "1e999",
  "null",
  "x".repeat(10_000),
];

/** The one that goes on until somebody ends it. */
const endless = "tenantry event follow";

const commands = everyCommand(createProgram())
  .filter((command) => factsFor(command)?.calls && fullName(command) !== endless)
  .map((command) => ({
    name: fullName(command),
    example: factsFor(command)!.examples[0],
    flags: command.options.flatMap(({ long, required }) => (long && required ? [long] : [])),
  }));

/** The example, with this value in place of the flag's own. It doesn't wait for what a value may begin. */
function withFlag(example: string, flag: string, value: string): string[] {
  const line = example.replace(" --wait", "").replace("./migrations", path.join(directory, "migrations"));
  const given = words(`tenantry ${line}`);
  const at = given.indexOf(flag);
  return at < 0 ? [...given, flag, value] : given.with(at + 1, value);
}

it.each(commands)("$name: no value of a flag makes more of it than an answer or a sentence", async (one) => {
  vi.spyOn(process, "cwd").mockReturnValue(directory);
  const { url, apiKey } = installation.operator;
  const environment = { TENANTRY_URL: url, TENANTRY_API_KEY: apiKey };
  for (const flag of one.flags)
    for (const value of hostile) {
      const words = withFlag(one.example, flag, value);
      const { code, stdout, stderr } = await runWords(words, environment, "a good long secret\n");
      const what = `${flag} ${JSON.stringify(value.slice(0, 40))}: ${stderr}`;
      expect(stdout + stderr, what).not.toMatch(/TypeError|\[object|mistake in Tenantry|\n\s+at /);
      for (const text of obeyed) expect(stdout + stderr, what).not.toContain(text);
      expect([0, 1, 2], what).toContain(code);
      if (code === 0) continue;
      expect(stderr, what).toMatch(/^Error: \S/m);
      expect(stderr.length, what).toBeLessThan(1_500);
    }
});
