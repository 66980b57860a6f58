import { spawn } from "node:child_process";
import { once } from "node:events";
import { hostname } from "node:os";
import { afterAll, beforeAll, expect, it } from "vitest";
import { newId } from "../../kernel/index.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { sql } from "../db/index.ts";
import { silentLog } from "../log/index.ts";
import { lifeOf } from "../process-life/index.ts";
import { joinNodes } from "./index.ts";
import { insertNode } from "./nodes.sql.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await testRegistry();
});
afterAll(() => registry.close());

/** Makes a node of this host known that runs as the given process. */
async function insertNeighbour(processId: number): Promise<string> {
  const id = newId();
  await insertNode(registry.db, {
    id,
    role: "api",
    host: hostname(),
    processId,
    version: "1",
    schemaVersion: 1,
  });
  return id;
}

async function join() {
  const { db } = registry;
  const node = await joinNodes({ db, log: silentLog, role: "worker", version: "1", schemaVersion: 1 });
  const { rows } = await sql<{ id: string }>`select id from nodes`.execute(db);
  await node.leave();
  return rows.map(({ id }) => id);
}

it("forgets at once a node of this host whose process was killed, also while nobody has reaped it", async () => {
  // The background process ends once its parent is a program that never asks after it, as a shell might.
  const child = `until [ "$(cat /proc/$PPID/comm)" = sleep ]; do sleep 0.01; done`;
  const parent = spawn("sh", ["-c", `sh -c '${child}' & echo $!; exec sleep 60`], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    const [said] = (await once(parent.stdout, "data")) as [Buffer];
    const dead = Number(said.toString());
    await waitUntil("it is a zombie", () => lifeOf(dead) === undefined);
    expect(() => process.kill(dead, 0)).not.toThrow();
    const node = await insertNeighbour(dead);
    expect(await join()).not.toContain(node);
  } finally {
    parent.kill("SIGKILL");
  }
});

it("leaves a node of this host alone whose process runs", async () => {
  const node = await insertNeighbour(process.ppid);
  expect(await join()).toContain(node);
});
