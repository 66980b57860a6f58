import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";
import { waitUntil } from "../../server/src/testing/wait-until.ts";
import { findHost } from "./host-process.ts";
import { startTestKit, stopTestKit } from "./index.ts";

let root: string;
let directory: string;
let migrations: string;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "tenantry-kit-host-"));
  directory = path.join(root, "host");
  migrations = path.join(root, "migrations");
  await mkdir(migrations);
  await writeFile(path.join(migrations, "1.sql"), "create table notes (id int primary key)");
});

afterEach(async () => {
  await stopTestKit({ directory });
  await rm(root, { recursive: true, force: true });
});

type Status = { members: number; tenants: number; toRemove: number };

async function status(): Promise<Status> {
  const { url, key } = (await findHost(directory))!;
  const response = await fetch(`${url}/kit/status`, { headers: { authorization: `Bearer ${key}` } });
  return (await response.json()) as Status;
}

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);
const postmasterPid = (): number =>
  Number(readFileSync(path.join(directory, "postgres/cluster/postmaster.pid"), "utf8").split("\n")[0]);

/** A worker of a test runner: it works with two tenants, says so, and waits. */
function worker(): { process: ChildProcess; said: Promise<{ pid: number; slugs: string[] }> } {
  const script = `
    import { startTestKit } from ${JSON.stringify(path.join(import.meta.dirname, "index.ts"))};
    const [directory, migrations] = process.argv.slice(1);
    const kit = await startTestKit({ directory, migrations });
    const tenants = await Promise.all([kit.tenant(), kit.tenant()]);
    for (const { db } of tenants) await db.query("insert into notes values (1)");
    console.log(JSON.stringify({ slugs: tenants.map(({ slug }) => slug) }));
    process.stdin.resume().on("end", () => kit.close());`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, directory, migrations], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const said = once(createInterface(child.stdout!), "line").then(([line]) => JSON.parse(line as string));
  return { process: child, said };
}

test("workers that start at the same moment share one PostgreSQL, which stays for the next run; their tenants go with them", async () => {
  const workers = Array.from({ length: 4 }, worker);
  const said = await Promise.all(workers.map((one) => one.said));
  expect(new Set(said.flatMap(({ slugs }) => slugs)).size).toBe(8);
  expect(await status()).toMatchObject({ members: 4, tenants: 8 });
  const pid = postmasterPid();
  const [killed, ...others] = workers;
  killed!.process.kill("SIGKILL");
  await waitUntil("the killed worker's tenants are gone", async () => (await status()).tenants === 6);
  await Promise.all(
    others.map(async ({ process }) => {
      process.stdin!.end();
      expect(await once(process, "exit")).toEqual([0, null]);
    }),
  );
  await waitUntil("all are removed", async () => {
    const now = await status();
    return now.members === 0 && now.tenants === 0 && now.toRemove === 0;
  });
  await (await startTestKit({ directory, migrations })).close();
  expect(postmasterPid()).toBe(pid);
  await stopTestKit({ directory });
  await stopTestKit({ directory });
  expect(isAlive(pid)).toBe(false);
});

test("a host that is killed takes its PostgreSQL along; whoever tested is told, and the next start begins anew", async () => {
  const kit = await startTestKit({ directory, migrations });
  await kit.tenant();
  const [host, postmaster] = [(await findHost(directory))!.pid, postmasterPid()];
  process.kill(host, "SIGKILL");
  await waitUntil("PostgreSQL has ended", () => !isAlive(postmaster));
  await waitUntil("the kit knows", () =>
    kit.tenant().then(
      () => false,
      (error) => error.code === "host_gone",
    ),
  );
  await kit.close();
  const next = await startTestKit({ directory, migrations, keepWarmMinutes: 0 });
  const { pid } = (await findHost(directory))!;
  expect(pid).not.toBe(host);
  const tenant = await next.tenant();
  expect((await tenant.db.query("select * from notes")).rows).toEqual([]);
  expect(await status()).toEqual({ members: 1, tenants: 1, toRemove: 0 });
  await next.close();
  await waitUntil("nobody tests any more, and it has ended by itself", () => !isAlive(pid));
  expect(existsSync(path.join(directory, "postgres"))).toBe(false);
});
