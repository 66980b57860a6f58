import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { describe, expect, test } from "vitest";
import {
  directoryWithCluster,
  isDead,
  postmasterPid,
  query,
  recordingLog,
  startInChild,
} from "../../testing/embedded-postgres.ts";
import { startEmbeddedPostgres } from "./index.ts";

async function occupy(port = 0): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : 0,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

describe("two starts on one data directory", () => {
  test("the second is refused, names the first one's process, and harms nothing", async () => {
    await using directory = await directoryWithCluster();
    const { log, events } = recordingLog();
    const first = await startInChild(directory.path);
    await expect(startEmbeddedPostgres({ dataDir: directory.path, log })).rejects.toMatchObject({
      code: "data_dir_in_use",
      pid: first.child.pid,
    });
    expect(events()).toEqual([]);
    expect(await query(first.postgres.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("at the same moment: one has it, all others are refused; it is free again after stop", async () => {
    await using directory = await directoryWithCluster();
    const { log } = recordingLog();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 4 }, () => startEmbeddedPostgres({ dataDir: directory.path, log })),
    );
    const codes = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason.code] : []));
    expect(codes).toEqual(Array(3).fill("data_dir_in_use"));
    for (const outcome of outcomes) if (outcome.status === "fulfilled") await outcome.value.stop();
    await (await startEmbeddedPostgres({ dataDir: directory.path, log })).stop();
  });
});

describe("a postmaster.pid from before", () => {
  test("whose number belongs to a stranger by now is removed, and the stranger lives on", async () => {
    await using directory = await directoryWithCluster();
    const { log } = recordingLog();
    const stranger = spawn("sleep", ["600"]);
    try {
      await writePidFile(directory.path, stranger.pid as number);
      const server = await startEmbeddedPostgres({ dataDir: directory.path, log });
      expect(server.adopted).toBe(false);
      expect(await postmasterPid(directory.path)).toBe(server.pid);
      await server.stop();
      expect(await isDead(stranger.pid as number)).toBe(false);
    } finally {
      stranger.kill("SIGKILL");
    }
  });

  test("whose number belongs to another data directory's server is removed, and that server lives on", async () => {
    await using directory = await directoryWithCluster();
    await using other = await directoryWithCluster();
    const { log } = recordingLog();
    const stranger = await startEmbeddedPostgres({ dataDir: other.path, log });
    await writePidFile(directory.path, stranger.pid);
    const server = await startEmbeddedPostgres({ dataDir: directory.path, log });
    expect(server).toMatchObject({ adopted: false });
    expect(server.pid).not.toBe(stranger.pid);
    await server.stop();
    expect(await query(stranger.url, "select 1 as one")).toEqual([{ one: 1 }]);
    await stranger.stop();
  });

  test.each([
    ["is empty", ""],
    ["names a process that is gone", "4194300\n/nowhere\n1\n1\n\n\n\nready\n"],
  ])("that %s doesn't keep the server from starting", async (_title, text) => {
    await using directory = await directoryWithCluster();
    const { log } = recordingLog();
    await writeFile(path.join(directory.path, "cluster/postmaster.pid"), text);
    const server = await startEmbeddedPostgres({ dataDir: directory.path, log });
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    await server.stop();
  });

  async function writePidFile(dataDir: string, pid: number): Promise<void> {
    const cluster = path.join(dataDir, "cluster");
    const started = Math.round(Date.now() / 1000);
    const text = `${pid}\n${cluster}\n${started}\n5432\n\n127.0.0.1\n  1234567 1\nready   \n`;
    await writeFile(path.join(cluster, "postmaster.pid"), text, { mode: 0o600 });
  }
});

describe("a port that is taken", () => {
  test("is replaced and the change is told, when it was only the one from last time", async () => {
    await using directory = await directoryWithCluster();
    const { log, fieldsOf } = recordingLog();
    const first = await startEmbeddedPostgres({ dataDir: directory.path, log });
    await first.stop();
    await using _taken = await occupy(first.port);
    const second = await startEmbeddedPostgres({ dataDir: directory.path, log });
    expect(second.port).not.toBe(first.port);
    expect(fieldsOf("postgres.port_changed")).toEqual({ taken: first.port, port: second.port });
    expect(await readFile(path.join(directory.path, "port"), "utf8")).toBe(`${second.port}\n`);
    expect(await query(second.url, "select 1 as one")).toEqual([{ one: 1 }]);
    await second.stop();
  });

  test("is a refusal that names it, when it was asked for", async () => {
    await using directory = await directoryWithCluster();
    await using taken = await occupy();
    const { log } = recordingLog();
    await expect(
      startEmbeddedPostgres({ dataDir: directory.path, log, port: taken.port }),
    ).rejects.toMatchObject({
      code: "port_in_use",
      message: expect.stringContaining(`Port ${taken.port} of 127.0.0.1`),
    });
    expect(await postmasterPid(directory.path)).toBeUndefined();
  });

  test("isn't in the way of a server left behind on another port, which is moved to the one asked for", async () => {
    await using directory = await directoryWithCluster();
    const first = await startInChild(directory.path);
    await first.kill();
    const { port } = await occupyAndFree();
    const { log, fieldsOf } = recordingLog();
    const second = await startEmbeddedPostgres({ dataDir: directory.path, log, port });
    expect(second.port).toBe(port);
    expect(fieldsOf("postgres.replaced")).toMatchObject({
      reason: `it listens on port ${first.postgres.port}`,
    });
    await second.stop();
  });

  async function occupyAndFree(): Promise<{ port: number }> {
    await using taken = await occupy();
    return { port: taken.port };
  }
});
