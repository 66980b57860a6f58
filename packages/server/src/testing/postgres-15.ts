import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { requireProgram } from "../../../../test/support/programs.ts";
import { freePort } from "../infra/postgres-process/free-port.ts";
import { withMemoryBound } from "../infra/postgres-process/postmaster.ts";
import { answers } from "./answers.ts";
import { memoryOfBackends, temporaryFiles } from "./postgres.ts";
import { waitUntil } from "./wait-until.ts";

/**
 * Debian's PostgreSQL 15, the oldest that DATABASE_URL may name, as an operator might hand it over. Its files and its
 * process go with `stop()`, the process also when the test process dies.
 */
export async function testPostgres15(): Promise<{ url: string; stop(): Promise<void> }> {
  const directory = await mkdtemp(path.join(tmpdir(), `tenantry-test-postgres-${process.pid}-15-`));
  const cluster = path.join(directory, "cluster");
  const password = randomBytes(12).toString("hex");
  await writeFile(path.join(directory, "password"), password);
  const asOther = process.getuid?.() === 0 ? ["unshare", "--user", "--map-user=65534", "--"] : [];
  const command = [
    ...asOther,
    ...[requireProgram("initdb"), `--pgdata=${cluster}`, "--username=postgres", "--auth=scram-sha-256"],
    ...[`--pwfile=${path.join(directory, "password")}`, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
  ];
  await promisify(execFile)(command[0]!, command.slice(1));
  const port = await freePort("127.0.0.1");
  const postgres = withMemoryBound(memoryOfBackends, {
    file: requireProgram("postgres"),
    args: [
      ...["-D", cluster, "-p", String(port), "-h", "127.0.0.1", "-k", ""],
      ...["-c", "fsync=off", "-c", "autovacuum=off", "-c", `temp_file_limit=${temporaryFiles}`],
    ],
  });
  const server = [...asOther, "setpriv", "--pdeathsig", "QUIT", "--", postgres.file, ...postgres.args];
  const child = spawn(server[0]!, server.slice(1), { stdio: "ignore" });
  const exited = once(child, "exit");
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  await waitUntil("PostgreSQL 15 answers", () => answers(url), 30_000);
  return {
    url,
    async stop() {
      child.kill("SIGQUIT");
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
