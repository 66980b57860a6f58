import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, rename, rm, symlink } from "node:fs/promises";
import path from "node:path";
import { StartRefused } from "../../kernel/index.ts";
import { type Binaries, binariesIn } from "./binaries.ts";
import { directIdentity, findAccount } from "./identity.ts";
import { giveTo } from "./initialise.ts";
import { run, tail } from "./run.ts";

/** Where root keeps clusters that run under an account of their own. */
export type SystemOptions = { directory: string; account: string };

export const systemDefaults: SystemOptions = { directory: "/var/lib/tenantry", account: "tenantry" };

/**
 * Makes a home for a new cluster that belongs to the account (created when missing), and leaves a link at `cluster` to
 * where the cluster will be: a start that is interrupted afterwards finds the same home again.
 */
export async function prepareSystemHome(cluster: string, system: SystemOptions): Promise<string> {
  const account = await ensureAccount(system);
  const home = path.join(system.directory, "clusters", randomUUID());
  await makeReachable(system.directory);
  await makeReachable(path.dirname(home));
  await mkdir(home, { mode: 0o700 });
  await giveTo(account, home);
  await symlink(path.join(home, "cluster"), cluster);
  return home;
}

/** The account that clusters run under where root can't run them; created when the system doesn't list it. */
export async function ensureAccount(system: SystemOptions): Promise<{ uid: number; gid: number }> {
  return findAccount(system.account) ?? (await createAccount(system));
}

async function createAccount(system: SystemOptions): Promise<{ uid: number; gid: number }> {
  const options = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"];
  const result = await run("useradd", [...options, "--home-dir", system.directory, system.account], {
    identity: directIdentity,
    environment: {},
  });
  const account = findAccount(system.account);
  if (account) return account;
  throw new StartRefused(
    "postgres_unavailable",
    `PostgreSQL doesn't run as root, and the system user ${system.account} couldn't be created: ${tail(result.output)}. ` +
      "Start as an ordinary user, or set DATABASE_URL to a PostgreSQL 15 or newer.",
  );
}

/** Copies the programs to where any account can run them, once per version. Copies made at the same time don't collide. */
export async function copyBinaries(binaries: Binaries, directory: string): Promise<Binaries> {
  const target = path.join(directory, `postgres-${binaries.packageVersion}`);
  const copy = binariesIn(path.join(target, "native"), binaries.packageVersion);
  if (existsSync(target)) return copy;
  await makeReachable(directory);
  const draft = `${target}.${randomUUID().slice(0, 8)}`;
  try {
    await mkdir(draft, { mode: 0o755 });
    await shell('cp -a "$0" "$1" && chown -R 0:0 "$1" && chmod -R a+rX,go-w "$1"', binaries.directory, draft);
    await rename(draft, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return copy;
}

async function shell(script: string, ...args: string[]): Promise<void> {
  const result = await run("sh", ["-c", script, ...args], { identity: directIdentity, environment: {} });
  if (result.code === 0) return;
  throw new StartRefused(
    "postgres_unavailable",
    `PostgreSQL's programs couldn't be copied to ${path.dirname(args[1] ?? "")}: ${tail(result.output)}`,
  );
}

/** Whatever the umask says, the account must be able to pass through. */
async function makeReachable(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o755);
}
