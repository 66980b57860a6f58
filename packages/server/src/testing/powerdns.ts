import { type ChildProcess, spawn } from "node:child_process";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { freePort } from "../infra/postgres-process/free-port.ts";
import { requireProgram } from "./programs.ts";
import { waitUntil } from "./wait-until.ts";

export type DnsRecord = { name: string; type: "TXT" | "CNAME" | "A"; content: string };

export type TestDns = {
  /** `127.0.0.1:port`. */
  address: string;
  /** Makes a zone; what isn't below one of its zones, the server refuses to answer. */
  zone(name: string): void;
  /** From the next question on. A TXT record's strings are in quotes. */
  add(...records: DnsRecord[]): void;
  remove(name: string): void;
  /** Ends the process at once. */
  kill(): Promise<void>;
  /** It takes questions and answers none. */
  freeze(): Promise<void>;
  thaw(): void;
  start(): Promise<void>;
  stop(): Promise<void>;
};

const schemaFile = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";
const soa = "ns.invalid. hostmaster.invalid. 1 3600 600 86400 1";

/** Debian's PowerDNS, which remembers nothing that it answered. Its process goes with `stop()`, or with the test's. */
export async function testDns(): Promise<TestDns> {
  const directory = await mkdtemp(path.join(tmpdir(), `tenantry-test-dns-${process.pid}-`));
  const file = path.join(directory, "zones.sqlite3");
  const zones = new DatabaseSync(file);
  zones.exec(await readFile(schemaFile, "utf8"));
  zones.exec("pragma journal_mode = wal");
  const port = await freePort("127.0.0.1");
  const address = `127.0.0.1:${port}`;
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const settings = {
      ...{ "config-dir": directory, "socket-dir": directory, daemon: "no", guardian: "no" },
      ...{ "local-address": "127.0.0.1", "local-port": port, launch: "gsqlite3", "gsqlite3-database": file },
      ...{ "cache-ttl": 0, "query-cache-ttl": 0, "negquery-cache-ttl": 0, "zone-cache-refresh-interval": 0 },
      "security-poll-suffix": "",
    };
    const server = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
    const started = spawn(
      requireProgram("setpriv"),
      ["--pdeathsig", "KILL", "--", requireProgram("pdns_server"), ...server],
      { stdio: "ignore" },
    );
    child = started;
    const resolver = new Resolver({ timeout: 200, tries: 1 });
    resolver.setServers([address]);
    await waitUntil("PowerDNS answers", async () => {
      if (started.exitCode !== null) throw new Error(`pdns_server ended with ${started.exitCode}.`);
      return resolver.resolveTxt("nobody.invalid").then(
        () => true,
        ({ code }: NodeJS.ErrnoException) => code !== "ETIMEOUT" && code !== "ECONNREFUSED",
      );
    });
  }

  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  const insertZone = zones.prepare("insert into domains (name, type) values (?, 'NATIVE')");
  const insertRecord = zones.prepare(`
    insert into records (domain_id, name, type, content, ttl, auth)
    select id, ?1, ?2, ?3, 300, 1 from domains where ?1 = name or ?1 like '%.' || name order by length(name) desc limit 1
  `);
  const add = ({ name, type, content }: Omit<DnsRecord, "type"> & { type: string }) =>
    insertRecord.run(name, type, content);
  await start();
  return {
    address,
    zone(name) {
      insertZone.run(name);
      add({ name, type: "SOA", content: soa });
    },
    add(...records) {
      for (const record of records) add(record);
    },
    remove: (name) => void zones.prepare("delete from records where name = ?").run(name),
    kill,
    async freeze() {
      child!.kill("SIGSTOP");
      await waitUntil("all of it stands still", () => standsStill(child!.pid!));
    },
    thaw: () => void child?.kill("SIGCONT"),
    start,
    async stop() {
      await kill();
      zones.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function standsStill(pid: number): Promise<boolean> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const stats = await Promise.all(tasks.map((task) => readFile(`/proc/${pid}/task/${task}/stat`, "utf8")));
  return stats.every((stat) => / T /.test(stat.slice(stat.lastIndexOf(")"))));
}
