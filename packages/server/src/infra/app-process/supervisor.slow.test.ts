import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "../../testing/wait-until.ts";
import { silentLog } from "../log/index.ts";
import { type ProcessState, type SupervisedProcess, superviseProcess } from "./index.ts";

const uid = 64_900;

/** Answers with what the process can see of itself; `/crash` ends it, `/child` leaves a child behind. */
const application = `
import { createServer } from "node:http";
import { readFileSync, readdirSync } from "node:fs";
import { spawn } from "node:child_process";
const attempt = (work) => { try { return work(); } catch (error) { return error.code; } };
createServer((request, response) => {
  if (request.url === "/crash") process.exit(7);
  if (request.url === "/child") spawn("sleep", ["1000"], { stdio: "ignore" });
  response.end(JSON.stringify({
    uid: process.getuid(), gid: process.getgid(), groups: process.getgroups(), environment: process.env,
    secret: attempt(() => readFileSync(process.env.SECRET_FILE, "utf8")),
    siblings: attempt(() => readdirSync(process.env.CLOSED)),
  }));
}).listen(process.env.PORT, "127.0.0.1");
console.log("listening");
`;

let root: string;
let directory: string;
let processes: SupervisedProcess[];

beforeEach(async () => {
  processes = [];
  root = await mkdtemp(join(tmpdir(), "app process-"));
  directory = join(root, "app");
  await mkdir(directory);
  await writeFile(join(directory, "main.mjs"), application);
  await writeFile(join(root, "secret"), "master key", { mode: 0o600 });
});
afterEach(async () => {
  await Promise.all(processes.map((one) => one.stop()));
  await rm(root, { recursive: true });
});

function start(
  options: { command?: string; startTimeoutMs?: number; variables?: Record<string, string> } = {},
) {
  const states: ProcessState[] = [];
  const supervised = superviseProcess({
    launch: { command: options.command ?? "node main.mjs", workingDirectory: directory, uid, reaches: [] },
    variables: async () => ({
      GREETING: "hello",
      SECRET_FILE: join(root, "secret"),
      CLOSED: root,
      ...options.variables,
    }),
    healthPath: "/health",
    log: silentLog,
    onState: (state) => states.push(state),
    startTimeoutMs: options.startTimeoutMs,
  });
  processes.push(supervised);
  const healthy = async (after = 0) => {
    const found = () => states.slice(after).find((state) => state.state === "healthy");
    await waitUntil("the process is healthy", () => found() !== undefined);
    return found() as Extract<ProcessState, { state: "healthy" }>;
  };
  return { states, supervised, healthy };
}

type Seen = {
  uid: number;
  gid: number;
  groups: number[];
  environment: object;
  secret: string;
  siblings: unknown;
};

async function look(url: string): Promise<Seen> {
  return (await fetch(url)).json() as Promise<Seen>;
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

describe("a supervised process", () => {
  it("runs as its own user, in a closed directory of ours too, and sees only what it needs there", async () => {
    const { healthy } = start();
    const seen = await look((await healthy()).url);
    expect(seen).toMatchObject({ uid, gid: uid, groups: [uid], siblings: ["app"] });
    expect(seen.secret).toBe("ENOENT");
  });

  it("can't read our files in an open directory either", async () => {
    await chmod(root, 0o755);
    const { healthy } = start();
    expect((await look((await healthy()).url)).secret).toBe("EACCES");
  });

  it("says which directory its user may not enter, instead of running elsewhere", async () => {
    await chmod(directory, 0o700);
    const { states } = start();
    await waitUntil("it is told", () => states.some((state) => state.state === "backing_off"));
    expect(states.find((state) => state.state === "backing_off")).toMatchObject({
      error: `The application's user (uid ${uid}) may not enter ${directory}: chmod o+rx it, or choose another one.`,
    });
    expect(states.some((state) => state.state === "healthy")).toBe(false);
  });

  it("gets the listed variables, PATH, HOME, LANG and PORT, and nothing else", async () => {
    process.env.TENANTRY_TEST_SECRET = "must not leak";
    const { healthy } = start();
    const { environment } = await look((await healthy()).url);
    delete process.env.TENANTRY_TEST_SECRET;
    const names = ["CLOSED", "GREETING", "HOME", "LANG", "PATH", "PORT", "SECRET_FILE"];
    expect(
      Object.keys(environment)
        .filter((name) => !["PWD", "OLDPWD", "SHLVL", "_"].includes(name))
        .sort(),
    ).toEqual(names);
  });

  it.each([
    ["a closed directory", 0o700],
    ["an open directory", 0o755],
  ])(
    "in %s, its variables reach it as they are, and no program that runs as we do heeds them",
    async (_where, mode) => {
      const traces = join(root, "app", "traces");
      await mkdir(traces);
      await chmod(traces, 0o777);
      // A loader that is asked to trace writes a file for each program that heeds the wish, as the user it runs as.
      const asked = { LD_DEBUG: "statistics", LD_DEBUG_OUTPUT: join(traces, "trace") };
      // Whoever looks for programs where an application says would find these first.
      const planted = join(root, "app", "planted");
      await mkdir(planted);
      for (const name of ["setpriv", "unshare", "mount", "umount", "mkdir", "sh"]) {
        await writeFile(
          join(planted, name),
          `#!/bin/sh\nid -u > ${JSON.stringify(join(traces, name))}\nexit 1\n`,
        );
        await chmod(join(planted, name), 0o755);
      }
      await chmod(root, mode);
      const odd = "two\nlines, 'quotes' \"and\" $more `of` \\them";
      const PATH = `${planted}:${dirname(process.execPath)}:/usr/bin:/bin`;
      const { healthy } = start({ variables: { ...asked, PATH, ODD: odd, EMPTY: "" } });
      const { environment } = await look((await healthy()).url);
      expect(environment).toMatchObject({ ...asked, PATH, ODD: odd, EMPTY: "" });
      const owners = await Promise.all((await readdir(traces)).map((name) => stat(join(traces, name))));
      expect(owners.length).toBeGreaterThan(0);
      expect([...new Set(owners.map((file) => file.uid))]).toEqual([uid]);
    },
  );

  it("is started again when it ends, on a new port, and its restarts are counted", async () => {
    const { healthy, states } = start();
    const first = await healthy();
    await fetch(`${first.url}/crash`).catch(() => undefined);
    await waitUntil("the process backs off", () => states.some((state) => state.state === "backing_off"));
    expect(states.find((state) => state.state === "backing_off")).toMatchObject({
      restarts: 1,
      error: "It ended with exit code 7.",
    });
    expect((await healthy(2)).processId).not.toBe(first.processId);
  });

  it("that never answers is ended and tried again, with the reason", async () => {
    const { states } = start({ command: "sleep 100", startTimeoutMs: 200 });
    await waitUntil("the process backs off", () => states.some((state) => state.state === "backing_off"));
    expect(states.find((state) => state.state === "backing_off")).toMatchObject({
      error: expect.stringContaining("didn't answer /health"),
    });
  });

  it("takes its children with it when it is stopped", async () => {
    const { healthy, supervised, states } = start();
    const { url, processId } = await healthy();
    await fetch(`${url}/child`);
    await supervised.stop();
    expect(states.at(-1)).toEqual({ state: "stopped" });
    await waitUntil("the group is gone", () => !isAlive(-processId));
  });

  it("doesn't outlive us when we are killed", async () => {
    await chown(directory, uid, uid);
    const host = `
      import { superviseProcess } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
      import { silentLog } from ${JSON.stringify(new URL("../log/index.ts", import.meta.url).href)};
      superviseProcess({
        launch: { command: "sh -c 'node main.mjs & wait'", workingDirectory: ${JSON.stringify(directory)}, uid: ${uid}, reaches: [] },
        variables: async () => ({ SECRET_FILE: "/none", CLOSED: "/none" }),
        healthPath: "/", log: silentLog,
        onState: (state) => console.log(JSON.stringify(state)),
      });
    `;
    const us = spawn(process.execPath, ["--input-type=module", "-e", host], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    us.stdout.on("data", (chunk) => (output += chunk));
    await waitUntil("the process is healthy", () => output.includes('"healthy"'));
    const state = JSON.parse(output.trim().split("\n").at(-1)!) as { url: string; processId: number };
    us.kill("SIGKILL");
    await once(us, "exit");
    await waitUntil("the group is gone", () => !isAlive(-state.processId));
    await expect(fetch(state.url)).rejects.toThrow();
  });
});
