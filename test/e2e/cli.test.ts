import type { OperationReply, TenantReply } from "@tenantry/contract";
import { describe, expect, it } from "vitest";
import { runTenantry } from "../support/command.ts";
import { fresh } from "../support/fresh.ts";
import { Installation } from "../support/installation.ts";
import { useInstallation } from "../support/use-installation.ts";

const installation = useInstallation();

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
    const [slug, group] = [fresh("life"), fresh("gold")];
    const made = await json<TenantReply>("tenant", "create", slug, "--name", "Life Ltd", "--wait");
    expect(made).toMatchObject({ slug, status: "active" });
    expect((await installation.visit(slug)).status).toBe(200);

    const renamed = await json<TenantReply>(
      "tenant",
      "update",
      slug,
      "--name",
      "Long Life",
      "--group",
      group,
    );
    expect(renamed).toMatchObject({ name: "Long Life", groups: [group] });
    await json("tenant", "suspend", slug, "--reason", "unpaid");
    expect(await json("tenant", "show", slug)).toMatchObject({
      status: "suspended",
      statusReason: "unpaid",
    });
    await json("tenant", "resume", slug);
    const { items } = await json<{ items: TenantReply[] }>(
      "tenant",
      "list",
      "--group",
      group,
      "--status",
      "active",
    );
    expect(items.map(({ slug }) => slug)).toEqual([slug]);

    const deleted = await installation.command(["tenant", "delete", slug, "--yes"]);
    expect(deleted).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/in 7 days\)\.\nUntil then this undoes it/),
    });
    await json("tenant", "resume", slug);
    expect(await json("tenant", "delete", slug, "--yes", "--now", "--wait")).toMatchObject({
      status: "succeeded",
    });
    expect(await refused("tenant", "show", slug)).toMatchObject({
      code: 1,
      problem: { code: "tenant_not_found" },
    });
    const operations = await json<{ items: OperationReply[] }>("operation", "list", "--tenant", made.id);
    expect(operations.items.map(({ kind }) => kind)).toContain("tenant.provision");
  });

  it("asks nobody who isn't there before it deletes", async () => {
    const slug = fresh("kept");
    await json("tenant", "create", slug, "--name", "Kept", "--wait");
    const { code, problem } = await refused("tenant", "delete", slug);
    expect({ code, problem }).toMatchObject({
      code: 1,
      problem: { code: "not_confirmed", remedy: expect.stringContaining("--yes") },
    });
    expect(await json("tenant", "show", slug)).toMatchObject({ status: "active" });
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
    const slug = fresh("kept");
    await installation.api.createTenant(slug);
    const { id } = await json<{ id: string }>("user", "create", slug, "--email", "ann@kept.example");
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
      const { code, problem } = await refused("user", "delete", slug, "--yes", name);
      expect([code, problem.code], name).toEqual(
        ["..", ".", ""].includes(name)
          ? [2, "wrong_usage"]
          : [1, expect.stringMatching(/not_found|invalid_request/)],
      );
    }
    expect(await json("tenant", "show", slug)).toMatchObject({ status: "active" });
    expect(await json("user", "list", slug)).toMatchObject({ items: [{ id }] });
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
    const slug = fresh("broken");
    const { code, stdout, stderr } = await installation.command([
      ...["app", "create", slug, "--command", "node main.js", "--migrations", "/nowhere"],
    ]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("The migrations in /nowhere can't be read: there is no such directory.");
    const added = await installation.command([
      "app",
      "create",
      slug,
      "--upstream",
      "http://127.0.0.1:9",
      "--wait",
    ]);
    expect(added.stdout).toMatch(/TENANTRY_APP_KEY=\S+/);
  });

  it("shows what is wrong with the installation, what runs, and what was logged", async () => {
    const status = await installation.command(["status"]);
    expect(status).toMatchObject({ code: 0, stdout: expect.stringContaining("API  ready") });
    expect(status.stdout).toContain(installation.operator.gatewayTlsUrl);
    const logs = await installation.command(["logs", "--lines", "5"]);
    expect(logs.code).toBe(0);
    expect(logs.stdout.trimEnd().split("\n")).toHaveLength(5);
    const { items } = await json<{ items: { type: string }[] }>("event", "list", "--type", "app.released");
    expect(items.length).toBeGreaterThan(0);
    expect(items.every(({ type }) => type.endsWith("app.released"))).toBe(true);
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
