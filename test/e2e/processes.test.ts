import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { chmod, copyFile, mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { kernelMakesNamespaces } from "../../packages/server/src/testing/app-host.ts";
import { eventually } from "../support/eventually.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { isAlive, type ProcessInfo, processesCalled } from "../support/process-tree.ts";

const here = {
  name: "where the kernel makes namespaces",
  wrapper: [] as string[],
  confined: await kernelMakesNamespaces(),
};
/** Root needs the capability SYS_ADMIN for them. */
const withoutRight = {
  name: "where it makes none",
  wrapper: ["setpriv", "--bounding-set=-sys_admin", "--"],
  confined: false,
};
/** Without namespaces nobody opens the way to a clone in a closed directory: no application of root's runs there. */
const isOpen = await promisify(execFile)("setpriv", [
  ...["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"],
  // setpriv itself keeps root's right to pass any directory until the next program.
  ...["sh", "-c", 'exec "$0" --version', process.execPath],
]).then(
  () => true,
  () => false,
);

const title = "an application that leaves daemons, $name";
describe.each([here])(title, losesThem);
describe.runIf(process.getuid!() === 0 && isOpen).each([withoutRight])(title, losesThem);

function losesThem({ wrapper, confined }: typeof here): void {
  let installation: Installation;
  let seconds: string;
  let command: string[];
  beforeAll(async () => {
    installation = await startInstallation({ wrapper });
    seconds = String(randomInt(1_000_000_000, 2_000_000_000));
    const directory = path.join(installation.directory, "leaver");
    await mkdir(directory);
    await chmod(installation.directory, 0o755);
    const file = new URL("../support/applications/leaver.mjs", import.meta.url);
    await copyFile(file, path.join(directory, "leaver.mjs"));
    command = ["--command", "node leaver.mjs", "--directory", directory];
    command.push("--variable", `SECONDS_TO_SLEEP=${seconds}`, "--wait");
    expect(await installation.command(["app", "create", "leaver", ...command])).toMatchObject({ code: 0 });
  });
  beforeEach(() => installation.revive());
  afterAll(() => installation?.[Symbol.asyncDispose]());

  const daemons = () => processesCalled(`/bin/sleep ${seconds}`);

  /** The one of the application that runs now. */
  const theDaemon = (...before: ProcessInfo[]) =>
    eventually("there is one daemon, and none of those before", () => {
      const [one, ...others] = daemons();
      const isNew = one && !before.some((old) => old.pid === one.pid && old.startedAt === one.startedAt);
      return isNew && others.length === 0 ? one : undefined;
    });

  it("loses them at a release", async () => {
    const before = await theDaemon();
    const again = ["app", "release", "leaver", ...command, "--variable", "AGAIN=yes"];
    expect(await installation.command(again)).toMatchObject({ code: 0 });
    await theDaemon(before);
  });

  it("loses them by `tenantry down`, and by kill -9 of everything and the next start", async () => {
    expect(await installation.command(["down"])).toMatchObject({ code: 0 });
    expect(daemons()).toEqual([]);
    await installation.start();
    const before = await theDaemon();
    await installation.kill();
    await installation.start();
    await theDaemon(before);
    expect(isAlive(before)).toBe(false);
  });

  it("is told of in the log and by the doctor when the kernel doesn't help", async () => {
    const log = await readFile(path.join(installation.dataDir, "logs", "tenantry.log"), "utf8");
    expect(log.includes("apps.unconfined")).toBe(!confined);
    const doctor = await installation.command(["doctor", "--json"], { wrapper });
    const findings = JSON.parse(doctor.stdout) as { check: string; status: string }[];
    const { status } = findings.find(({ check }) => check === "applications")!;
    expect(status).toBe(confined ? "ok" : "warning");
  });
}

it("whoever connects to an application past the gateway is refused", async () => {
  await using installation = await startInstallation();
  const tenant = await installation.api.createTenant("acme");
  const [{ url }] = (await installation.sql("select url from instances")) as [{ url: string }];
  const names = {
    host: "acme.localhost",
    "tenantry-tenant": tenant.id,
    "tenantry-environment": "production",
  };
  for (const pathname of ["/", "/admin", "/admin/login"]) {
    expect((await fetch(url + pathname, { headers: names, redirect: "manual" })).status).toBe(401);
  }
  expect((await installation.visit("acme")).status).toBe(200);
});
