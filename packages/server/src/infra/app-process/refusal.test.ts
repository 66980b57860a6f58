import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Confinement } from "./launch-request.ts";
import { refusalToEnter } from "./refusal.ts";

const uid = 64_902;
const namespaces: Confinement = { way: "namespaces" };
const marks: Confinement = { way: "marks", reason: "The test wants it so." };
const execPath = process.execPath;

let root: string;
let program: string;
/** As `npm ci` in a clone makes it: Node.js lies in the working directory. */
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "refusal-"));
  program = join(root, "clone", "modules", "node");
  await mkdir(join(root, "clone", "modules"), { recursive: true });
  await writeFile(program, "", { mode: 0o755 });
  process.execPath = program;
});
afterEach(async () => {
  process.execPath = execPath;
  await rm(root, { recursive: true });
});

const refusal = (
  confinement: Confinement,
  command = "node main.mjs",
  workingDirectory = join(root, "clone"),
) => refusalToEnter({ command, workingDirectory, variables: {}, uid, reaches: [], hides: [] }, confinement);

// Only root runs applications as somebody else.
describe.runIf(process.getuid!() === 0)("an application's own user", () => {
  it("is refused nothing that namespaces open: closed directories on the way, and the working directory", async () => {
    await chmod(join(root, "clone"), 0o700);
    expect(await refusal(namespaces)).toBeUndefined();
    await chmod(join(root, "clone"), 0o755);
    await chmod(root, 0o755);
    expect(await refusal(marks)).toBeUndefined();
  });

  it("is refused nothing in namespaces that works in an open directory, with Node.js in a closed one below it", async () => {
    await chmod(root, 0o700);
    expect(await refusal(namespaces, "node main.mjs", "/")).toBeUndefined();
    expect(await refusal(marks, "node main.mjs", "/")).toContain("may not run");
  });

  it("is told which closed directory is in the way where there are no namespaces", async () => {
    await chmod(root, 0o700);
    expect(await refusal(marks)).toContain(`may not enter ${root}: chmod o+x it`);
    await chmod(root, 0o755);
    await chmod(join(root, "clone"), 0o700);
    expect(await refusal(marks)).toContain(`may not enter ${join(root, "clone")}: chmod o+x it`);
  });

  it.each([namespaces, marks])(
    "is told when what is in the clone is closed, as under umask 077 (%o)",
    async (way) => {
      await chmod(root, 0o755);
      const remedy = `chmod -R o+rX ${join(root, "clone")}.`;
      await chmod(program, 0o700);
      expect(await refusal(way)).toContain(remedy);
      expect(await refusal(way, "python3 main.py")).toBeUndefined();
      await chmod(program, 0o755);
      await chmod(join(root, "clone", "modules"), 0o700);
      expect(await refusal(way)).toContain(remedy);
    },
  );
});
