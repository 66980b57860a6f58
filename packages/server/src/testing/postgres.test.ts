import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { createDb, sql } from "../infra/db/index.ts";
import { directoryOfTestServers } from "./cluster-template.ts";
import { testPostgres } from "./postgres.ts";
import { waitUntil } from "./wait-until.ts";

async function currentDatabase(url: string): Promise<string | undefined> {
  const db = createDb({ url, applicationName: "test", maxConnections: 1 });
  try {
    const result = await sql<{ name: string }>`select current_database() as name`.execute(db);
    return result.rows[0]?.name;
  } finally {
    await db.destroy();
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = connect({ port, host: "127.0.0.1" });
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}

async function directoriesOf(pid: number): Promise<string[]> {
  const names = await readdir(await directoryOfTestServers());
  return names.filter((name) => name.startsWith(`tenantry-test-postgres-${pid}-`));
}

test("a test server gives out fresh databases, and stop leaves neither process nor file", async () => {
  const before = await directoriesOf(process.pid);
  const server = await testPostgres();
  const [first, second] = await Promise.all([server.createDatabase(), server.createDatabase()]);
  expect(first).not.toBe(second);
  expect(await currentDatabase(server.url)).toBe("postgres");
  expect(await currentDatabase(first)).toBe(new URL(first).pathname.slice(1));
  await server.stop();
  await server.stop();
  expect(await listens(server.port)).toBe(false);
  expect(await directoriesOf(process.pid)).toEqual(before);
});

test("servers started at the same time don't disturb each other", async () => {
  const servers = await Promise.all([testPostgres(), testPostgres(), testPostgres()]);
  try {
    expect(new Set(servers.map(({ port }) => port)).size).toBe(3);
    const answers = await Promise.all(servers.map(({ url }) => currentDatabase(url)));
    expect(answers).toEqual(["postgres", "postgres", "postgres"]);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
});

test("a test server dies with a killed test process, and its files go when the next one starts", async () => {
  const helper = new URL("./postgres.ts", import.meta.url).href;
  const script = `const { testPostgres } = await import(${JSON.stringify(helper)});
    console.log((await testPostgres()).port); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  const [line] = await once(createInterface(child.stdout), "line");
  const port = Number(line);
  expect(await listens(port)).toBe(true);
  child.kill("SIGKILL");
  await exit;
  await waitUntil("the server is gone", async () => !(await listens(port)));
  expect(await directoriesOf(child.pid as number)).toHaveLength(1);
  await using _next = await testPostgres();
  expect(await directoriesOf(child.pid as number)).toEqual([]);
});
