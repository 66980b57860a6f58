import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { multipart, visitor } from "./browser-like.ts";
import { type RunningSite, runningSite, send } from "./running-site.ts";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
let site: RunningSite;
let child: ChildProcess | undefined;

beforeAll(async () => {
  site = await runningSite();
});
afterEach(() => {
  child?.kill("SIGKILL");
});
afterAll(() => site.stop());

/** Starts the process as a supervisor does: with three variables, and nothing else of ours. */
function start(variables: Record<string, string> = {}) {
  const { url, appKey } = site.installation;
  const env = { PORT: "0", TENANTRY_URL: url, TENANTRY_APP_KEY: appKey, ...variables };
  const started = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "pipe"] });
  child = started;
  let output = "";
  for (const stream of [started.stdout, started.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const ended = once(started, "close").then(([code]) => code as number);
  const port = async (): Promise<number> => {
    await expect.poll(() => output).toContain("sites.listening");
    return Number(/"port":(\d+)/.exec(output)![1]);
  };
  return { process: started, ended, port, output: () => output };
}

test("it listens first, and is healthy when it knows its tenants", async () => {
  site.installation.stop();
  const { port } = start();
  const listening = await port();
  const health = async () => (await send(listening, "/health", {})).status;
  expect(await health()).toBe(503);
  await site.installation.start();
  await expect.poll(health).toBe(200);
});

test("told to stop, it lets what is under way finish, takes nothing new, and ends well", async () => {
  const tenant = await site.addTenant("stopping");
  const anna = visitor(site, tenant);
  await anna.login("anna@example.com");
  const started = start();
  const port = await started.port();
  await expect.poll(async () => (await send(port, "/health", {})).status).toBe(200);
  const { body, contentType } = multipart([{ name: "a.bin", content: Buffer.alloc(100_000, 7) }]);
  async function* slowly(): AsyncGenerator<Uint8Array> {
    yield body.subarray(0, 50_000);
    await expect.poll(reservations).toBe(1);
    started.process.kill("SIGTERM");
    await expect
      .poll(() => send(port, "/health", {}).catch((error: Error) => error.message))
      .toMatch(/ECONNREFUSED/);
    yield body.subarray(50_000);
  }
  const headers = {
    host: tenant.hostnames[0]!,
    cookie: anna.cookie,
    "content-type": contentType,
    "sec-fetch-site": "same-origin",
    "tenantry-token": await site.installation.token(tenant),
  };
  const answer = await send(port, "/admin/media", { method: "POST", headers, body: slowly() });
  expect(answer.headers.location).toBe("/admin/media?done=uploaded");
  expect(await started.ended).toBe(0);

  async function reservations(): Promise<number> {
    const { rows } = await site.tenantry.run(tenant.id, () =>
      site.tenantry.db.query("select id from media where not stored"),
    );
    return rows.length;
  }
});

test("what can't be mended by waiting is said in one sentence, with code 1", async () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ PORT: "" }, /^Sites can't run: PORT should be the number of the port to listen on\.$/m],
    [{ TENANTRY_URL: "" }, /^Sites can't run: TENANTRY_URL isn't set: .*$/m],
    [{ TENANTRY_APP_KEY: "wrong" }, /^Sites can't run: Tenantry refuses this application's key.*$/m],
    [{ PORT: String(site.server.port) }, /^Sites can't run: .*EADDRINUSE.*$/m],
  ];
  for (const [variables, sentence] of cases) {
    const { ended, output } = start(variables);
    expect(await ended).toBe(1);
    expect(output()).toMatch(sentence);
    expect(output()).not.toMatch(/^ {4}at /m);
  }
});
