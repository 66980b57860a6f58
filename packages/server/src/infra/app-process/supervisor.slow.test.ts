import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "../../testing/wait-until.ts";
import { silentLog } from "../log/index.ts";
import {
  type Confinement,
  type ProcessState,
  probeConfinement,
  type SupervisedProcess,
  superviseProcess,
} from "./index.ts";

const uid = 64_900;
/** What can be had here, and what is had where the kernel makes no namespaces. */
const byNamespaces = await probeConfinement();
const canConfine = byNamespaces.way === "namespaces";
const byMarks: Confinement = { way: "marks", reason: "The test wants it so." };

/** Answers with what the process can see of itself; `/crash` ends it. */
const application = `
import { createServer } from "node:http";
import { readFileSync, readdirSync } from "node:fs";
const attempt = (work) => { try { return work(); } catch (error) { return error.code; } };
createServer((request, response) => {
  if (request.url === "/crash") process.exit(7);
  response.end(JSON.stringify({
    uid: process.getuid(), gid: process.getgid(), groups: process.getgroups(), environment: process.env,
    secret: attempt(() => readFileSync(process.env.SECRET_FILE, "utf8")),
    siblings: attempt(() => readdirSync(process.env.CLOSED).sort()),
    others: readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name)).length,
    limits: readFileSync("/proc/self/limits", "utf8"),
    endedBefore: Number(readFileSync("/proc/self/oom_score_adj", "utf8")),
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
  options: {
    command?: string;
    startTimeoutMs?: number;
    variables?: Record<string, string>;
    confinement?: Confinement;
  } = {},
) {
  const states: ProcessState[] = [];
  const supervised = superviseProcess({
    launch: {
      command: options.command ?? "node main.mjs",
      workingDirectory: directory,
      uid,
      reaches: [],
      hides: [],
    },
    confinement: options.confinement ?? byNamespaces,
    recordsDirectory: join(root, "records"),
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
  others: number;
  limits: string;
  endedBefore: number;
};

async function look(url: string): Promise<Seen> {
  return (await fetch(url)).json() as Promise<Seen>;
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

  it.runIf(canConfine)(
    "runs in a directory that is itself closed to its user, with all that is in it",
    async () => {
      await symlink("main.mjs", join(directory, "link.mjs"));
      await chmod(directory, 0o700);
      const { healthy } = start({ command: "node link.mjs", variables: { CLOSED: directory } });
      const seen = await look((await healthy()).url);
      expect(seen).toMatchObject({ uid, siblings: ["link.mjs", "main.mjs"], secret: "ENOENT" });
    },
  );

  it("without namespaces, says which directory its user may not enter, instead of running elsewhere", async () => {
    await chmod(root, 0o755);
    await chmod(directory, 0o700);
    const { states } = start({ confinement: byMarks });
    await waitUntil("it is told", () => states.some((state) => state.state === "backing_off"));
    expect(states.find((state) => state.state === "backing_off")).toMatchObject({
      error: `The application's user (uid ${uid}) may not enter ${directory}: chmod o+x it, or choose another directory.`,
    });
    expect(states.some((state) => state.state === "healthy")).toBe(false);
  });

  it("gets the listed variables, PATH, HOME, LANG, PORT and TENANTRY_INSTANCE, and nothing else", async () => {
    process.env.TENANTRY_TEST_SECRET = "must not leak";
    const { healthy } = start();
    const { environment } = await look((await healthy()).url);
    delete process.env.TENANTRY_TEST_SECRET;
    const names = ["CLOSED", "GREETING", "HOME", "LANG", "PATH", "PORT", "SECRET_FILE", "TENANTRY_INSTANCE"];
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

  it.runIf(canConfine)("sees no process but its own and the one that holds them together", async () => {
    const { healthy } = start();
    expect((await look((await healthy()).url)).others).toBe(2);
  });

  it("writes no core, has no more processes than 4,096, and is ended before us when memory runs short", async () => {
    const { healthy } = start();
    const { limits, endedBefore } = await look((await healthy()).url);
    expect(limits).toMatch(/^Max core file size +0 +0 /m);
    expect(limits).toMatch(/^Max processes +4096 +4096 /m);
    expect(endedBefore).toBeGreaterThanOrEqual(500);
  });

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

  it.runIf(process.getuid!() === 0)(
    "takes no traffic while another user listens on its port, says so, and gets another port",
    async () => {
      await chmod(directory, 0o777);
      // The first time it only tells its port, which somebody else is faster to take.
      await writeFile(
        join(directory, "slow.mjs"),
        `import { existsSync, renameSync, writeFileSync } from "node:fs";
       if (existsSync("port")) await import("./main.mjs");
       else { writeFileSync("new", process.env.PORT); renameSync("new", "port"); setInterval(() => undefined, 1000); }`,
      );
      const { states, healthy } = start({ command: "node slow.mjs" });
      const port = await waitUntil("it told its port", () =>
        readFile(join(directory, "port"), "utf8").catch(() => undefined),
      );
      const steal = `
      process.setgid(64950);
      process.setuid(64950);
      require("node:http").createServer((_, response) => response.end()).listen(${port}, "127.0.0.1");
    `;
      const thief = spawn(process.execPath, ["-e", steal], { stdio: "inherit" });
      try {
        await waitUntil("it is told", () => states.some((state) => state.state === "backing_off"));
        expect(states.map(({ state }) => state).slice(0, 2)).toEqual(["starting", "backing_off"]);
        expect(states[1]).toMatchObject({
          error: `Another user of this system (uid 64950) listens on its PORT ${port}: what answers there isn't the application.`,
        });
        expect(new URL((await healthy()).url).port).not.toBe(port);
      } finally {
        thief.kill("SIGKILL");
      }
    },
  );
});
