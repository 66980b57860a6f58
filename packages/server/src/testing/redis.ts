import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createRedisConnections, parseRedisUrl, type RedisReply } from "@tenantry/data";
import { freePort } from "../infra/postgres-process/free-port.ts";
import { requireProgram } from "./programs.ts";
import { waitUntil } from "./wait-until.ts";

export type TestRedis = {
  /** As whoever may do everything there. */
  url: string;
  port: number;
  pid(): number;
  /** Runs a command as whoever may do everything; throws the server's error. */
  ask(...command: string[]): Promise<RedisReply>;
  /** The same in a numbered database. */
  in(database: number, ...command: string[]): Promise<RedisReply>;
  /** Ends the process at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again on the same port; users are those of the start, unless they lie in a file. */
  start(): Promise<void>;
  stop(): Promise<void>;
};

export type TestRedisOptions = {
  /** Lets everybody in, as a server does that nobody configured. */
  open?: boolean;
  /** Keeps users in a file. */
  aclFile?: boolean;
  /** Watches others instead of keeping keys. */
  sentinel?: boolean;
  /** More of redis.conf. */
  lines?: readonly string[];
};

/** Debian's Redis. Its files and its process go with `stop()`, the process also when the test process dies. */
export async function testRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const { open, aclFile, sentinel, lines = [] } = options;
  const directory = await mkdtemp(path.join(tmpdir(), `tenantry-test-redis-${process.pid}-`));
  const password = randomBytes(12).toString("hex");
  const port = await freePort("127.0.0.1");
  const admin = `user admin on >${password} ~* &* +@all`;
  const users = open ? [] : ["user default off", admin];
  if (aclFile) await writeFile(path.join(directory, "users.acl"), `${users.join("\n")}\n`);
  const usersAre = aclFile ? [`aclfile ${path.join(directory, "users.acl")}`] : users;
  const settings = [
    `port ${port}`,
    "bind 127.0.0.1",
    ...(sentinel ? [] : ['save ""']),
    `dir ${directory}`,
    `logfile ${path.join(directory, "log")}`,
    ...usersAre,
    ...lines,
  ];
  await writeFile(path.join(directory, "redis.conf"), `${settings.join("\n")}\n`);
  const url = open ? `redis://127.0.0.1:${port}` : `redis://admin:${password}@127.0.0.1:${port}`;
  let child: ChildProcess | undefined;

  async function within(database: number, ...command: string[]): Promise<RedisReply> {
    const connections = createRedisConnections({ maxConnections: 1, deadlineMs: 5_000 });
    try {
      const [reply] = await connections.run({ ...parseRedisUrl(url), database }, [command]);
      if (reply instanceof Error) throw reply;
      return reply!;
    } finally {
      connections.close();
    }
  }
  const ask = (...command: string[]) => within(0, ...command);
  async function start(): Promise<void> {
    const server = [
      "--pdeathsig",
      "KILL",
      "--",
      requireProgram("redis-server"),
      path.join(directory, "redis.conf"),
      ...(sentinel ? ["--sentinel"] : []),
    ];
    const started = spawn(requireProgram("setpriv"), server, { stdio: "ignore" });
    child = started;
    await waitUntil("Redis answers", async () => {
      if (started.exitCode !== null) throw new Error(await readFile(path.join(directory, "log"), "utf8"));
      return ask("PING").catch(() => false);
    });
  }
  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  await start();
  return {
    ...{ url, port, ask, kill, start, in: within },
    pid: () => child!.pid!,
    async stop() {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
