import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { checkFloors } from "./check.ts";
import { plantTree } from "./planted-tree.ts";
import { plantedViolations } from "./planted-violations.ts";
import { fileRules } from "./rules-of-files.ts";
import { importRules } from "./rules-of-imports.ts";

const server = "packages/server/src";
const cleanups: (() => void)[] = [];

function plant(planted: Record<string, string>): string {
  const tree = plantTree(planted);
  cleanups.push(tree.remove);
  return tree.root;
}

const found = (root: string) =>
  checkFloors(root).violations.map(({ file, line, rule }) => `${rule} ${file}:${line}`);

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

describe("the floor checker", () => {
  test("approves of a house that keeps the rules", () => {
    const report = checkFloors(plant({}));
    expect(report.violations).toEqual([]);
    expect(report.importCount).toBeGreaterThan(20);
  });

  test.each(plantedViolations)("catches $file: $line", ({ rules, file, line }) => {
    const root = plant({ [file]: line ? `\n${line}\n` : "export const a = 1;\n" });
    expect(found(root)).toEqual(rules.map((rule) => `${rule} ${file}:${line ? 2 : 1}`));
  });

  test("has a planted violation for each of its rules", () => {
    const planted = new Set([...plantedViolations.flatMap(({ rules }) => rules), "file-size"]);
    expect([...planted].sort()).toEqual([...Object.keys(importRules), ...Object.keys(fileRules)].sort());
  });

  test("catches a cycle, even of types alone, and names its way once", () => {
    const root = plant({
      [`${server}/kernel/a.ts`]: `import type { B } from "./b.ts";\nexport type A = B;`,
      [`${server}/kernel/b.ts`]: `import "./errors.ts";\nimport type { C } from "./c.ts";\nexport type B = C;`,
      [`${server}/kernel/c.ts`]: `import type { A } from "./a.ts";\nexport type C = A;`,
    });
    const { violations } = checkFloors(root);
    expect(violations).toHaveLength(1);
    expect(violations[0]).toMatchObject({ file: `${server}/kernel/a.ts`, line: 1, rule: "no-cycles" });
    expect(violations[0]?.message).toContain("kernel/b.ts → packages/server/src/kernel/c.ts");
  });

  test("catches a cycle through a package's own name", () => {
    const root = plant({
      "packages/data/src/x.ts": "",
      "packages/data/src/index.ts": `import "@tenantry/data";`,
    });
    expect(found(root)).toEqual(["no-cycles packages/data/src/index.ts:1"]);
  });

  test("takes no comment and no string for an import", () => {
    const text = `// import "../infra/db/index.ts"\nexport const a = 'import "../infra/db/index.ts"; process.env';`;
    expect(found(plant({ [`${server}/kernel/x.ts`]: text }))).toEqual([]);
  });
});

describe("file size", () => {
  const file = `${server}/infra/long.ts`;
  const lines = (count: number) => "export {};\n".repeat(count);
  const exempt = (reason: string) => ({ "tools/floors/exemptions.json": JSON.stringify([{ file, reason }]) });

  test("400 lines pass, 401 do not", () => {
    expect(found(plant({ [file]: lines(400) }))).toEqual([]);
    expect(found(plant({ [file]: lines(401) }))).toEqual([`file-size ${file}:401`]);
  });

  test("a test may be longer", () => {
    expect(found(plant({ [`${server}/infra/long.test.ts`]: lines(900) }))).toEqual([]);
  });

  test("an exemption with a reason lets a long file pass", () => {
    expect(found(plant({ [file]: lines(401), ...exempt("one table") }))).toEqual([]);
  });

  test("an exemption without a reason, or no longer needed, is caught", () => {
    expect(found(plant({ [file]: lines(401), ...exempt(" ") }))).toEqual([`exemptions ${file}:1`]);
    expect(found(plant({ [file]: lines(3), ...exempt("one table") }))).toEqual([`exemptions ${file}:1`]);
  });
});

describe("the order of features", () => {
  const order = `${server}/features/order.json`;

  test.each([
    ["is not an array", "{}"],
    ["has a name that is no text", '["audit", "tenants", 3]'],
    ["has a name twice", '["audit", "tenants", "audit"]'],
  ])("is refused when it %s", (_title, text) => {
    expect(found(plant({ [order]: text }))).toEqual([`feature-order ${order}:1`]);
  });

  test("is missed when it is not there", () => {
    const root = plant({});
    rmSync(join(root, order));
    expect(found(root)).toEqual([`feature-order ${order}:1`]);
  });
});

describe("the command", () => {
  const run = (root: string) =>
    promisify(execFile)(process.execPath, [join(import.meta.dirname, "main.ts"), root]).then(
      ({ stdout }) => ({ code: 0, stdout }),
      ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
    );

  test("exits 0 on a clean tree and says how much it read", async () => {
    const { code, stdout } = await run(plant({}));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^floors: 2\d files, [23]\d imports, 0 violations, \d+ ms\n$/);
  });

  test("exits 1 on a violation, with place, rule and remedy", async () => {
    const { code, stdout } = await run(
      plant({ [`${server}/kernel/x.ts`]: `import "../infra/db/index.ts";` }),
    );
    expect(code).toBe(1);
    expect(stdout).toContain("packages/server/src/kernel/x.ts:1 floor-order: kernel (floor 0) imports infra");
    expect(stdout).toContain("Remedy: lower never calls upward");
  });

  test("fails when it finds nothing to read", async () => {
    const root = plant({});
    for (const folder of ["packages", "apps", "bench", "test"])
      rmSync(join(root, folder), { recursive: true });
    const { code, stdout } = await run(root);
    expect(code).toBe(1);
    expect(stdout).toContain("nothing-read: no source file was found in any workspace");
  });
});
