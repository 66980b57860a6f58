import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, posix } from "node:path";

export interface Workspace {
  /** Folder relative to the root, as `packages/server`. */
  folder: string;
  /** The npm name, as `@tenantry/server`. */
  name: string;
  exports: unknown;
}

export type Target =
  | { kind: "file"; path: string }
  | { kind: "package"; name: string }
  | { kind: "builtin"; name: string }
  | { kind: "missing"; why: string };

const extensions = ["", ".ts", ".tsx", ".js", ".mjs", ".cjs", "/index.ts", "/index.tsx"];
const builtins = new Set(builtinModules);

/** The workspaces that the root package.json names. */
export function readWorkspaces(root: string): Workspace[] {
  const patterns: string[] = readJson(join(root, "package.json")).workspaces ?? [];
  const manifests = globSync(
    patterns.map((pattern) => `${pattern}/package.json`),
    { cwd: root },
  );
  return manifests.sort().map((manifest) => {
    const { name, exports } = readJson(join(root, manifest));
    return { folder: posix.dirname(manifest.replaceAll("\\", "/")), name, exports };
  });
}

/** Resolves what our sources use: relative paths, workspaces through their exports, npm packages. */
export function createResolver(root: string, workspaces: Workspace[]) {
  const existing = (path: string) =>
    extensions.map((extension) => path + extension).find((it) => isFile(join(root, it))) ?? null;

  return function resolve(specifier: string, importer: string): Target {
    const bare = specifier.replace(/\?.*$/, "");
    if (bare.startsWith("node:") || builtins.has(bare))
      return { kind: "builtin", name: bare.replace(/^node:/, "") };
    if (bare.startsWith(".")) {
      const path = existing(posix.join(posix.dirname(importer), bare));
      return path ? { kind: "file", path } : { kind: "missing", why: `there is no file ${bare}` };
    }
    if (bare.startsWith("#") || bare.startsWith("/"))
      return { kind: "missing", why: `"${bare}" is neither a relative path nor a package` };

    const ours = workspaces.find((it) => bare === it.name || bare.startsWith(`${it.name}/`));
    if (!ours) return { kind: "package", name: packageName(bare) };
    const subpath = `.${bare.slice(ours.name.length)}`;
    for (const target of exportTargets(ours.exports, subpath)) {
      const path = existing(posix.join(ours.folder, target));
      if (path) return { kind: "file", path };
    }
    return { kind: "missing", why: `${ours.folder}/package.json exports no "${subpath}" that exists` };
  };
}

/** Every file that a package's `exports` may mean by a subpath, in the order it lists them. */
function exportTargets(exports: unknown, subpath: string): string[] {
  const isMap =
    typeof exports === "object" &&
    exports !== null &&
    Object.keys(exports).some((key) => key.startsWith("."));
  if (!isMap) return subpath === "." ? leaves(exports) : [];
  const entries = Object.entries(exports as Record<string, unknown>);
  const exact = entries.find(([key]) => key === subpath);
  if (exact) return leaves(exact[1]);
  for (const [key, value] of entries) {
    const [start = "", end] = key.split("*");
    if (end === undefined || !subpath.startsWith(start) || !subpath.endsWith(end)) continue;
    const matched = subpath.slice(start.length, subpath.length - end.length);
    return leaves(value).map((leaf) => leaf.replaceAll("*", matched));
  }
  return [];
}

function leaves(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(leaves) : [];
}

function packageName(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

function readJson(path: string) {
  return JSON.parse(readFileSync(path, "utf8"));
}
