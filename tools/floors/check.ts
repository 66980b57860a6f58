import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findCycles } from "./cycles.ts";
import { type Edge, type Exemption, edgesOf, type House, type Violation } from "./house.ts";
import { parseFile } from "./imports.ts";
import { placeOf } from "./place.ts";
import { createResolver, readWorkspaces } from "./resolve.ts";
import { checkLists, fileRules } from "./rules-of-files.ts";
import { importRules } from "./rules-of-imports.ts";
import { readSourceFiles } from "./source-files.ts";

export interface Report {
  fileCount: number;
  importCount: number;
  violations: Violation[];
}

/**
 * Checks the tree under `root` against the rules of the house. Reads only; the order of violations is the
 * same on every machine. A tree in which it finds nothing to check is a violation, not a success.
 */
export function checkFloors(root: string): Report {
  const house = readHouse(root);
  const violations = [
    ...checkIsRead(house),
    ...checkLists(house),
    ...house.files.flatMap((file) =>
      Object.entries(fileRules).flatMap(([rule, check]) =>
        check(file, placeOf(file.path), house).map((found) => ({ file: file.path, rule, ...found })),
      ),
    ),
    ...house.edges.flatMap((edge) => checkEdge(edge, house)),
    ...findCycles(house),
  ];
  violations.sort((a, b) => a.file.localeCompare(b.file, "en") || a.line - b.line);
  return { fileCount: house.files.length, importCount: house.edges.length, violations };
}

function readHouse(root: string): House {
  const workspaces = readWorkspaces(root);
  const resolve = createResolver(root, workspaces);
  const files = readSourceFiles(root).map(parseFile);
  const order = readJson(join(root, "packages/server/src/features/order.json"));
  const isOrder = Array.isArray(order) && order.every((it) => typeof it === "string");
  return {
    files,
    workspaces,
    edges: files.flatMap((file) => edgesOf(file, resolve)),
    featureOrder: isOrder ? order : null,
    exemptions: (readJson(join(root, "tools/floors/exemptions.json")) ?? []) as Exemption[],
  };
}

function checkEdge(edge: Edge, house: House): Violation[] {
  // Test support may use anything, as long as the import leads somewhere.
  const rules = Object.entries(importRules).filter(
    ([rule]) => edge.from.floor !== "testing" || rule === "unresolved-import",
  );
  return rules.flatMap(([rule, check]) => {
    const found = check(edge, house);
    return found ? [{ file: edge.from.path, line: edge.line, rule, ...found }] : [];
  });
}

/** A checker that reads nothing approves of everything, so reading nothing is itself a violation. */
function checkIsRead({ files, workspaces, edges }: House): Violation[] {
  const shipped = files.filter((file) => workspaces.some(({ folder }) => file.path.startsWith(`${folder}/`)));
  const missing = [
    workspaces.length === 0 && "it names no workspaces",
    shipped.length === 0 && "no source file was found in any workspace",
    !edges.some((edge) => edge.to) && "no import between files of ours was found",
  ].filter((it) => it !== false);
  return missing.map((message) => ({
    file: "package.json",
    line: 1,
    rule: "nothing-read",
    message,
    remedy: "run it on the repository's root; if you did, the checker's reading is broken",
  }));
}

function readJson(path: string): unknown {
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : null;
}
