import type { OperationReply, TenantReply } from "@tenantry/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runTenantry } from "../support/command.ts";
import { Installation, startInstallation } from "../support/installation.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
});
afterAll(() => installation?.[Symbol.asyncDispose]());

async function json<Body>(...args: string[]): Promise<Body> {
  const { code, stdout, stderr } = await installation.command([...args, "--json"]);
  expect({ code, stderr }, args.join(" ")).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout) as Body;
}

async function refused(...args: string[]) {
  const { code, stdout, stderr } = await installation.command([...args, "--json"]);
  expect(stdout).toBe("");
  return {
    code,
    problem: JSON.parse(stderr) as { code: string; remedy?: string; errors?: { pointer: string }[] },
  };
}

describe("the command against a real installation", () => {
  it("takes a tenant through its whole life", async () => {
    const made = await json<TenantReply>("tenant", "create", "life", "--name", "Life Ltd", "--wait");
    expect(made).toMatchObject({ slug: "life", status: "active" });
    expect((await installation.visit("life")).status).toBe(200);

    const renamed = await json<TenantReply>(
      "tenant",
      "update",
      "life",
      "--name",
      "Long Life",
      "--group",
      "gold",
    );
    expect(renamed).toMatchObject({ name: "Long Life", groups: ["gold"] });
    await json("tenant", "suspend", "life", "--reason", "unpaid");
    expect(await json("tenant", "show", "life")).toMatchObject({
      status: "suspended",
      statusReason: "unpaid",
    });
    await json("tenant", "resume", "life");
    const { items } = await json<{ items: TenantReply[] }>(
      "tenant",
      "list",
      "--group",
      "gold",
      "--status",
      "active",
    );
    expect(items.map(({ slug }) => slug)).toEqual(["life"]);

    const deleted = await installation.command(["tenant", "delete", "life", "--yes"]);
    expect(deleted).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/in 7 days\)\.\nUntil then this undoes it/),
    });
    await json("tenant", "resume", "life");
    expect(await json("tenant", "delete", "life", "--yes", "--now", "--wait")).toMatchObject({
      status: "succeeded",
    });
    expect(await refused("tenant", "show", "life")).toMatchObject({
      code: 1,
      problem: { code: "tenant_not_found" },
    });
    const operations = await json<{ items: OperationReply[] }>("operation", "list", "--tenant", made.id);
    expect(operations.items.map(({ kind }) => kind)).toContain("tenant.provision");
  });

  it("asks nobody who isn't there before it deletes", async () => {
    await json("tenant", "create", "kept", "--name", "Kept", "--wait");
    const { code, problem } = await refused("tenant", "delete", "kept");
    expect({ code, problem }).toMatchObject({
      code: 1,
      problem: { code: "not_confirmed", remedy: expect.stringContaining("--yes") },
    });
    expect(await json("tenant", "show", "kept")).toMatchObject({ status: "active" });
  });

  it("tells why a slug is refused, and suggests another", async () => {
    const { code, stdout, stderr } = await installation.command(["tenant", "create", "www", "--name", "W"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe('Error: "www" is reserved for the platform itself.\nTry "www-site".\n');
  });

  it("names the flag of a mistake that the API found", async () => {
    const { code, stderr } = await installation.command([
      "tenant",
      "create",
      "tz",
      "--name",
      "T",
      "--timezone",
      "Mars/X",
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Error: --timezone: .*Europe\/Berlin/);
  });

  it("reaches nothing else by a hostile name", async () => {
    const { id } = await json<{ id: string }>("user", "create", "kept", "--email", "ann@kept.example");
    const names = [
      "../keys",
      "..",
      ".",
      "",
      "a/b",
      "a?now=true",
      "%2e%2e",
      "a\nb",
      "\u202e",
      "a".repeat(300),
    ];
    for (const name of names) {
      const { code, problem } = await refused("user", "delete", "kept", "--yes", name);
      expect([code, problem.code], name).toEqual(
        ["..", ".", ""].includes(name)
          ? [2, "wrong_usage"]
          : [1, expect.stringMatching(/not_found|invalid_request/)],
      );
    }
    expect(await json("tenant", "show", "kept")).toMatchObject({ status: "active" });
    expect(await json("user", "list", "kept")).toMatchObject({ items: [{ id }] });
  });

  it("makes a key that works, and ends it", async () => {
    const { id, key } = await json<{ id: string; key: string }>("key", "create", "a test's");
    const environment = { TENANTRY_URL: installation.operator.url, TENANTRY_API_KEY: key };
    expect((await runTenantry(["tenant", "list"], { environment })).code).toBe(0);
    const listed = await installation.command(["key", "list"]);
    expect(listed.stdout).toContain("a test's");
    expect(listed.stdout).not.toContain(key);
    await json("key", "end", id, "--yes");
    const { items } = await json<{ items: { id: string }[] }>("key", "list");
    expect(items.map((one) => one.id)).not.toContain(id);
  });

  it("shows the key of an application that can't be started all the same", async () => {
    const { code, stdout, stderr } = await installation.command([
      ...["app", "create", "broken", "--command", "node main.js", "--migrations", "/nowhere"],
    ]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("The migrations in /nowhere can't be read: there is no such directory.");
    const added = await installation.command([
      "app",
      "create",
      "broken",
      "--upstream",
      "http://127.0.0.1:9",
      "--wait",
    ]);
    expect(added.stdout).toMatch(/TENANTRY_APP_KEY=\S+/);
  });

  it("shows what is wrong with the installation, what runs, and what was logged", async () => {
    const status = await installation.command(["status"]);
    expect(status).toMatchObject({ code: 0, stdout: expect.stringContaining("API  ready") });
    const logs = await installation.command(["logs", "--lines", "5"]);
    expect(logs.code).toBe(0);
    expect(logs.stdout.trimEnd().split("\n")).toHaveLength(5);
    const events = await json<{ items: { type: string }[] }>("event", "list", "--type", "tenant.deleted");
    expect(events.items).toHaveLength(1);
  });
});

describe("the command in the background", () => {
  it("starts an installation, refuses a second one there, and stops it", async () => {
    await using elsewhere = new Installation();
    const flags = ["--data-dir", elsewhere.dataDir];
    const ports = ["--api-port", "0", "--gateway-port", "0"];
    const up = await runTenantry(["up", "--detach", "--json", ...ports, ...flags]);
    expect(up, up.stderr).toMatchObject({ code: 0, stderr: "" });
    const { url, processId } = JSON.parse(up.stdout) as { url: string; processId: number };
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(up.stdout).not.toContain("Key");

    const second = await runTenantry(["up", "--detach", ...ports, ...flags]);
    expect(second).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining(`in use by process ${processId}`),
    });

    expect(await runTenantry(["down", ...flags])).toMatchObject({ code: 0, stdout: "Stopped.\n" });
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
    expect((await runTenantry(["down", ...flags])).stdout).toContain("Nothing is running in");
    expect((await runTenantry(["tenant", "list", ...flags])).stderr).toContain("doesn't answer");
  });
});
