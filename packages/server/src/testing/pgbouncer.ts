import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "../infra/postgres-process/free-port.ts";
import { answers } from "./answers.ts";
import { requireProgram } from "./programs.ts";
import { waitUntil } from "./wait-until.ts";

/**
 * Debian's pgbouncer in transaction mode before a whole server, as a given one has it: whoever the server lets in, in
 * whatever database. `url` is the superuser's through it.
 */
export function testPooler(superuserUrl: string): Promise<{ url: string; stop(): Promise<void> }> {
  const { hostname, port, username } = new URL(superuserUrl);
  return startPgbouncer(superuserUrl, [
    "[databases]",
    `* = host=${hostname} port=${port}`,
    "[pgbouncer]",
    ...["pool_mode = transaction", "default_pool_size = 4", "auth_type = scram-sha-256"],
    // It asks in the database that somebody comes for, as a role that only a superuser could put out.
    ...[
      "server_idle_timeout = 2",
      `auth_user = ${username}`,
      "auth_query = select usename, passwd from pg_shadow where usename = $1",
    ],
  ]);
}

/**
 * Debian's pgbouncer in transaction mode before the database that a URL leads to, with so many connections to it for
 * everybody together. `url` is the same through it. Its process goes with `stop()`, or when the test process dies.
 */
export async function testPgbouncer(
  target: string,
  { connections, resetAlways = true }: { connections: number; resetAlways?: boolean },
): Promise<{ url: string; stop(): Promise<void> }> {
  const { hostname, port, pathname } = new URL(target);
  const name = pathname.slice(1);
  return startPgbouncer(target, [
    "[databases]",
    `${name} = host=${hostname} port=${port} dbname=${name}`,
    "[pgbouncer]",
    ...["pool_mode = transaction", `default_pool_size = ${connections}`, "auth_type = plain"],
    ...["server_reset_query = DISCARD ALL", `server_reset_query_always = ${resetAlways ? 1 : 0}`],
  ]);
}

async function startPgbouncer(
  target: string,
  settings: readonly string[],
): Promise<{ url: string; stop(): Promise<void> }> {
  const directory = await mkdtemp(path.join(tmpdir(), `tenantry-test-pgbouncer-${process.pid}-`));
  const port = await freePort("127.0.0.1");
  const { username, password } = new URL(target);
  const lines = [
    ...settings,
    ...["listen_addr = 127.0.0.1", `listen_port = ${port}`, "unix_socket_dir ="],
    `auth_file = ${path.join(directory, "users.txt")}`,
  ];
  await writeFile(path.join(directory, "users.txt"), `"${username}" "${password}"\n`);
  await writeFile(path.join(directory, "pgbouncer.ini"), `${lines.join("\n")}\n`);
  await chmod(directory, 0o755);
  const asOther = process.getuid?.() === 0 ? ["unshare", "--user", "--map-user=65534", "--"] : [];
  const command = [
    ...asOther,
    ...["setpriv", "--pdeathsig", "KILL", "--", requireProgram("pgbouncer")],
    path.join(directory, "pgbouncer.ini"),
  ];
  const child = spawn(command[0]!, command.slice(1), { stdio: "ignore" });
  const exited = once(child, "exit");
  const through = new URL(target);
  through.port = String(port);
  const url = through.href;
  await waitUntil("pgbouncer answers", () => answers(url));
  return {
    url,
    async stop() {
      child.kill("SIGKILL");
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
