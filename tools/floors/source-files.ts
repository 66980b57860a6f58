import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const sourceRoots = ["packages", "apps", "bench", "test", "tools"];
const skippedFolders = new Set(["node_modules", "dist", "coverage", "test-results"]);
const sourceName = /\.[cm]?[jt]sx?$/;

export interface SourceFile {
  /** Relative to the repository's root, with forward slashes. */
  path: string;
  text: string;
}

/** Every source file of ours, sorted by path, so that reports are the same everywhere. */
export function readSourceFiles(root: string): SourceFile[] {
  const paths = sourceRoots.flatMap((folder) => listSources(root, folder)).sort();
  return paths.map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}

function listSources(root: string, folder: string): string[] {
  return entriesOf(join(root, folder)).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      const skipped = skippedFolders.has(entry.name) || entry.name.startsWith(".");
      return skipped ? [] : listSources(root, path);
    }
    return entry.isFile() && sourceName.test(entry.name) ? [path] : [];
  });
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    // A root that has no use yet does not exist; an unreadable one must not look empty.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
