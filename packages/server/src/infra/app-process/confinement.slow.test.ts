import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type AppHost, type AppHostOptions, processesNamed, startAppHost } from "../../testing/app-host.ts";
import { namespacesAllowed } from "../../testing/embedded-postgres.ts";
import { type ForeignInstallation, foreignInstallation } from "../../testing/foreign-installation.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { type Confinement, probeConfinement } from "./index.ts";
import { processEntry } from "./processes.ts";

const isRoot = process.getuid!() === 0;
const byMarks: Confinement = { way: "marks", reason: "The test wants it so." };
const ways: { name: string; confinement: Confinement }[] = [
  { name: "in namespaces", confinement: await probeConfinement() },
  { name: "by marks", confinement: byMarks },
];
/** A variable is a mark that can be dropped, and only root can give another. */
const pathsOf = ({ way }: Confinement) =>
  isRoot || way === "namespaces" ? ["/daemon", "/bare-daemon"] : ["/daemon"];

/** Starts daemons when asked to: processes in sessions of their own, whose parents have ended. */
const application = `
import { spawnSync } from "node:child_process";
import { createServer } from "node:http";
const daemon = (words) => spawnSync("sh", ["-c", "setsid setsid " + words + " </dev/null >/dev/null 2>&1 &"]);
createServer((request, response) => {
  if (request.url === "/crash") process.exit(7);
  if (request.url === "/daemon") daemon("sleep " + process.env.NAME);
  if (request.url === "/bare-daemon") daemon("env -i /bin/sleep " + process.env.NAME);
  response.end("well");
}).listen(process.env.PORT, "127.0.0.1");
`;

/** Node.js where each user finds it: without namespaces nobody opens the way to a clone in a closed directory. */
let program: string;
beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), "app-confinement-node-"));
  await chmod(directory, 0o755);
  program = join(directory, "node");
  await promisify(execFile)("cp", ["--reflink=auto", process.execPath, program]);
  return () => rm(directory, { recursive: true });
});

let root: string;
let name: string;
let hosts: AppHost[];
beforeEach(async () => {
  hosts = [];
  name = `1${randomInt(100_000_000, 999_999_999)}`;
  root = await mkdtemp(join(tmpdir(), "app confinement-"));
  await chmod(root, 0o755);
  await mkdir(join(root, "app"));
  await writeFile(join(root, "app", "main.mjs"), application);
});
afterEach(async () => {
  await Promise.all(hosts.map((host) => host[Symbol.asyncDispose]()));
  await rm(root, { recursive: true });
});

function start(options: Partial<AppHostOptions> = {}): AppHost {
  const host = startAppHost({
    command: "node main.mjs",
    directory: join(root, "app"),
    uid: 64_901,
    recordsDirectory: join(root, "records"),
    variables: { NAME: name },
    code: { node: program },
    ...options,
  });
  hosts.push(host);
  return host;
}

/** Asks the application for a daemon, and waits until there is one. */
async function daemonise(host: AppHost, path = "/daemon"): Promise<string> {
  const { url } = await host.healthy();
  await fetch(url + path);
  await waitUntil("the daemon is there", () => processesNamed(name).length === 1);
  return url;
}

const parentOf = (pid: number) => processEntry(pid)?.parent;
const isGone = () => processesNamed(name).length === 0;
const gone = () => waitUntil("the daemon is gone", isGone);

describe.each(ways)("a daemon that an application left, kept $name", ({ confinement }) => {
  it.each(pathsOf(confinement))("is gone when the application has been stopped (%s)", async (path) => {
    const host = start({ confinement });
    await daemonise(host, path);
    await host.stop();
    expect(isGone()).toBe(true);
    expect(await readdir(join(root, "records"))).toEqual([]);
  });

  it.each(pathsOf(confinement))("is gone before the application is started again (%s)", async (path) => {
    const host = start({ confinement });
    const url = await daemonise(host, path);
    const before = host.states().length;
    await fetch(`${url}/crash`).catch(() => undefined);
    await host.healthy(before);
    expect(isGone()).toBe(true);
    expect(host.states()[before]).toMatchObject({ error: "It ended with exit code 7." });
  });

  it("is gone soon after we were killed", async () => {
    const host = start({ confinement });
    const url = await daemonise(host, pathsOf(confinement).at(-1));
    await host.kill();
    await gone();
    await expect(fetch(url)).rejects.toThrow();
  });
});

it("what outlived us and our guard, too, is ended by the next start", async () => {
  const host = start({ confinement: byMarks });
  await daemonise(host);
  const guards = processesNamed("guard").filter((pid) => parentOf(pid) === host.process.pid);
  expect(guards).toHaveLength(1);
  host.process.kill("SIGSTOP");
  process.kill(guards[0]!, "SIGKILL");
  await host.kill();
  expect(isGone()).toBe(false);
  await start().healthy();
  expect(isGone()).toBe(true);
});

it("a start ends nothing of an application that another process looks after", async () => {
  const first = start({ confinement: byMarks });
  await daemonise(first);
  await start().healthy();
  expect(isGone()).toBe(false);
});

describe.runIf(isRoot)("where the kernel makes no namespaces", () => {
  it("that is found out by trying, with the reason", async () => {
    const host = start({ wrapper: ["setpriv", "--bounding-set=-sys_admin", "--"] });
    expect(await host.confinement()).toEqual({
      way: "marks",
      reason: expect.stringMatching(/^unshare: .*Operation not permitted/),
    });
    await daemonise(host, "/bare-daemon");
    await host.stop();
    expect(isGone()).toBe(true);
  });
});

/** Somebody who isn't root, whoever runs the tests. */
const ordinary = isRoot ? ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"] : [];
const canConfine = await namespacesAllowed();
const ordinaryId = isRoot ? 65_534 : process.getuid!();

describe("an application that an ordinary user runs", () => {
  let code: ForeignInstallation;
  beforeAll(async () => {
    code = await foreignInstallation();
  });
  afterAll(() => code[Symbol.asyncDispose]());

  /** The data directory with a secret, and what is to be reached in it. */
  async function startAsUser(options: Partial<AppHostOptions> = {}): Promise<AppHost> {
    const data = join(root, "data");
    const keyFile = join(root, "elsewhere.key");
    await mkdir(join(data, "storage", "kept"), { recursive: true });
    await writeFile(join(data, "master.key"), "secret");
    await writeFile(keyFile, "secret");
    await writeFile(join(root, "app", "main.mjs"), curious);
    if (isRoot) await promisify(execFile)("chown", ["-R", `${ordinaryId}:${ordinaryId}`, root]);
    return start({
      wrapper: ordinary,
      code: { node: code.node, source: join(code.source, "../../app-process/index.ts") },
      reaches: [join(data, "storage")],
      hides: [data, keyFile],
      variables: { NAME: name, DATA: data, KEY_FILE: keyFile },
      ...options,
    });
  }

  it.runIf(canConfine)(
    "sees neither our secrets nor other processes, whatever it tries, and reaches its tenants' files",
    async () => {
      const host = await startAsUser();
      expect(await host.confinement()).toEqual({ way: "namespaces" });
      const { url } = await host.healthy();
      const seen = (await (await fetch(url)).json()) as Record<string, string>;
      expect(seen).toMatchObject({ uid: `${ordinaryId}`, data: "storage", stored: "kept,written", key: "" });
      expect(seen.processes!.split(",")).toHaveLength(2);
      const { uid: _uid, data: _data, stored: _stored, key: _key, processes: _processes, ...attacks } = seen;
      expect(Object.keys(attacks)).toHaveLength(5);
      for (const [attack, outcome] of Object.entries(attacks))
        expect(outcome, attack).not.toContain("secret");
    },
  );

  it.runIf(canConfine)("leaves no daemon, in namespaces, whether we stop or are killed", async () => {
    const host = await startAsUser();
    await daemonise(host, "/bare-daemon");
    await host.stop();
    expect(isGone()).toBe(true);
    const again = await startAsUser();
    await daemonise(again, "/bare-daemon");
    await again.kill();
    await gone();
  });

  it("leaves no daemon that kept its variables, nor one that was seen to descend from it, by marks", async () => {
    const host = await startAsUser({ confinement: byMarks });
    await daemonise(host, "/daemon");
    await host.stop();
    expect(isGone()).toBe(true);
  });
});

/** Tells what it gets to see of our secrets. */
const curious = `
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
const { DATA, KEY_FILE, NAME } = process.env;
const attempt = (work) => { try { return String(work()); } catch (error) { return String(error); } };
const shell = (script) => { const { stdout, stderr } = spawnSync("sh", ["-c", script], { encoding: "utf8" }); return stdout + stderr; };
createServer((request, response) => {
  if (request.url === "/bare-daemon") shell("setsid setsid env -i /bin/sleep $NAME </dev/null >/dev/null 2>&1 &");
  if (request.url === "/daemon") shell("setsid setsid sleep $NAME </dev/null >/dev/null 2>&1 &");
  attempt(() => writeFileSync(DATA + "/storage/written", ""));
  response.end(JSON.stringify({
    uid: String(process.getuid()),
    data: attempt(() => readdirSync(DATA)),
    stored: attempt(() => readdirSync(DATA + "/storage").sort()),
    key: attempt(() => readFileSync(KEY_FILE)),
    processes: attempt(() => readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name))),
    read: attempt(() => readFileSync(DATA + "/master.key")),
    throughTheFirst: shell("cat /proc/1/root$DATA/master.key /proc/1/cwd$DATA/master.key"),
    uncovered: shell("umount $DATA; umount -l $DATA; cat $DATA/master.key"),
    asRootOfOwn: shell("unshare --user --map-root-user --mount sh -c 'umount -l $DATA; umount $KEY_FILE; cat $DATA/master.key $KEY_FILE'"),
    entered: shell("nsenter --target 1 --mount --user cat $DATA/master.key"),
  }));
}).listen(process.env.PORT, "127.0.0.1");
`;
