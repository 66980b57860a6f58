import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { requireProgram } from "../../../../test/support/programs.ts";
import { freePort } from "../infra/postgres-process/free-port.ts";
import { newId } from "../kernel/index.ts";
import { waitUntil } from "./wait-until.ts";

export type S3Keys = { accessKeyId: string; secretAccessKey: string };

/** A real S3 server: Ceph's radosgw before one monitor and one OSD that keeps everything in memory. */
export type TestCeph = {
  endpoint: string;
  /** Of a user who may also make other users, give them policies, and make roles. */
  admin: S3Keys;
  /** Of another user, who may make buckets, and what `caps` says besides. */
  addUser(caps?: string): Promise<S3Keys & { uid: string }>;
  /** The gateway's process, for tests that stop it and let it go on. */
  gatewayPid: number;
  stop(): Promise<void>;
};

/**
 * Starts in about a second. With `sts` it gives keys for a time, and answers to unknown keys by `AccessDenied`. Files and processes go with `stop()`, the processes also when the
 * test process dies.
 */
export async function testCeph({ sts = false }: { sts?: boolean } = {}): Promise<TestCeph> {
  const directory = await mkdtemp(path.join(tmpdir(), `tenantry-test-ceph-${process.pid}-`));
  const children: ChildProcess[] = [];
  const started = (program: Parameters<typeof requireProgram>[0], ...given: string[]) => {
    const child = start(requireProgram(program), "-c", `${directory}/ceph.conf`, "-f", ...given);
    children.push(child);
    return child;
  };
  const stop = async () => {
    await Promise.all(children.toReversed().map(kill));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const [monitorPort, port] = [await freePort("127.0.0.1"), await freePort("127.0.0.1")];
    await prepare(directory, monitorPort, sts);
    started("ceph-mon", "-i", "a");
    await begin(directory);
    started("ceph-osd", "-i", "0");
    const admin = await makeUser(directory, "admin", [
      "--caps",
      "users=*;buckets=*;metadata=read;user-policy=*;roles=*",
    ]);
    const endpoint = `http://127.0.0.1:${port}`;
    // Otherwise each answer waits 40 ms for the receipt of its first half.
    const frontend = `beast endpoint=127.0.0.1:${port} tcp_nodelay=1`;
    const gateway = started("radosgw", "-n", "client.admin", `--rgw-frontends=${frontend}`);
    await waitUntil("radosgw answers", () => answers(endpoint));
    const addUser = async (caps?: string) => {
      const uid = newId();
      return { uid, ...(await makeUser(directory, uid, caps === undefined ? [] : ["--caps", caps])) };
    };
    return { endpoint, admin, addUser, gatewayPid: gateway.pid!, stop };
  } catch (error) {
    const told = await readFile(path.join(directory, "run", "client.admin.log"), "utf8").catch(() => "");
    await stop();
    throw new Error(`Ceph doesn't start. ${told.slice(-2_000)}`, { cause: error });
  }
}

const commandDeadlineMs = 30_000;

async function run(program: Parameters<typeof requireProgram>[0], given: string[]): Promise<string> {
  const options = { timeout: commandDeadlineMs, killSignal: "SIGKILL" } as const;
  return (await promisify(execFile)(requireProgram(program), given, options)).stdout;
}

async function prepare(directory: string, monitorPort: number, sts: boolean): Promise<void> {
  for (const name of ["mon", "osd", "run"]) await mkdir(path.join(directory, name));
  const clusterId = randomUUID();
  const at = (name: string) => path.join(directory, name);
  const key = (await run("ceph-authtool", ["--gen-print-key"])).trim();
  const plain = configuration(directory, clusterId, monitorPort);
  await writeFile(at("ceph.conf"), sts ? plain + givingKeys : plain);
  await writeFile(at("cluster"), clusterId);
  await writeFile(at("keyring"), keyring(key));
  const address = `[v2:127.0.0.1:${monitorPort}/0]`;
  await run("monmaptool", ["--create", "--addv", "a", address, "--fsid", clusterId, at("monmap")]);
  const monitor = ["-c", at("ceph.conf"), "--mkfs", "-i", "a", "--monmap", at("monmap")];
  await run("ceph-mon", [...monitor, "--keyring", at("keyring")]);
}

/** Registers the OSD with the monitor and makes its store. */
async function begin(directory: string): Promise<void> {
  const clusterId = await readFile(path.join(directory, "cluster"), "utf8");
  const configured = ["-c", path.join(directory, "ceph.conf")];
  await run("ceph", [...configured, "osd", "new", clusterId]);
  await run("ceph-osd", [...configured, "-i", "0", "--mkfs", "--osd-uuid", clusterId]);
}

async function makeUser(directory: string, uid: string, more: string[] = []): Promise<S3Keys> {
  const configured = ["-c", path.join(directory, "ceph.conf")];
  const given = ["user", "create", `--uid=${uid}`, `--display-name=${uid}`, ...more];
  const user = JSON.parse(await run("radosgw-admin", [...configured, ...given])) as {
    keys: { access_key: string; secret_key: string }[];
  };
  const [{ access_key: accessKeyId, secret_key: secretAccessKey }] = user.keys as [(typeof user.keys)[0]];
  return { accessKeyId, secretAccessKey };
}

function start(program: string, ...given: string[]): ChildProcess {
  const command = ["--pdeathsig", "KILL", "--", program, ...given];
  return spawn(requireProgram("setpriv"), command, { stdio: "ignore" });
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

function answers(endpoint: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get(endpoint, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("error", () => resolve(false));
  });
}

function keyring(key: string): string {
  const all = ["mon", "osd", "mgr"].map((kind) => ` caps ${kind} = "allow *"`).join("\n");
  return ["mon.", "client.admin", "osd.0"].map((name) => `[${name}]\n key = ${key}\n${all}\n`).join("");
}

const givingKeys = "rgw_sts_key = of-a-test-alone-\nrgw_s3_auth_use_sts = true\n";

/** One copy of everything, in memory, with as few placement groups and threads as do. */
function configuration(directory: string, clusterId: string, monitorPort: number): string {
  return `[global]
fsid = ${clusterId}
mon host = [v2:127.0.0.1:${monitorPort}/0]
keyring = ${directory}/keyring
public_network = 127.0.0.0/8
ms_bind_msgr1 = false
run_dir = ${directory}/run
crash_dir = ${directory}/run
log_file = ${directory}/run/$name.log
admin_socket =
pid_file =
mon_data = ${directory}/mon
osd_data = ${directory}/osd
osd_objectstore = memstore
memstore_device_bytes = 1073741824
osd_crush_chooseleaf_type = 0
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 5000
mon_data_avail_crit = 0
mon_data_avail_warn = 0
paxos_propose_interval = 0.01
paxos_min_wait = 0.005
rgw_thread_pool_size = 64
rgw_enable_usage_log = false
`;
}
