import { spawn } from "node:child_process";
import type { CredentialsReply } from "@tenantry/contract";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { finish } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { requireProgram } from "../support/programs.ts";
import { query } from "../support/registry.ts";
import { useInstallation } from "../support/use-installation.ts";

const installation = useInstallation();
const levels = ["database", "schema", "shared", "dedicated"];

/** What psql prints, a row in a line; throws what it complains of. */
async function psql(url: string, ...statements: string[]): Promise<string> {
  const commands = statements.flatMap((statement) => ["-c", statement]);
  const child = spawn(requireProgram("psql"), [url, "-XAtq", "-v", "ON_ERROR_STOP=1", ...commands]);
  const { code, stdout, stderr } = await finish(child);
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

async function credentials(slug: string, ...flags: string[]): Promise<CredentialsReply> {
  const { code, stdout, stderr } = await installation.command([
    "tenant",
    "credentials",
    slug,
    "--json",
    ...flags,
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout) as CredentialsReply;
}

async function newTenant(level: string): Promise<string> {
  const slug = fresh(level);
  await installation.api.createTenant(slug, { isolation: { database: level } });
  return slug;
}

const page = (title: string) =>
  `insert into pages (id, slug, title, position, updated_by)
   values (gen_random_uuid(), '${title}', '${title}', 1, 'psql')`;

const refused = (url: string) =>
  psql(url, "select 1").then(
    () => false,
    () => true,
  );

describe.each(levels)("at the level %s", (level) => {
  it("the URL that a shell takes works with psql, is the same the next time, and shows this tenant alone", async () => {
    const [slug, neighbour] = [await newTenant(level), await newTenant(level)];
    const said = await installation.command(["tenant", "credentials", slug]);
    expect(said.code).toBe(0);
    const url = said.stdout.trim();
    const shown = await credentials(slug);
    expect(shown).toMatchObject({ url, level, environment: "production", open: true, previous: [] });
    const theirs = await credentials(neighbour);
    await psql(theirs.url, page("theirs"));
    expect(
      await psql(
        url,
        page("home"),
        "update pages set body = 'Hello' where slug = 'home'",
        "delete from pages where slug = 'nowhere'",
        "select slug, body from pages",
      ),
    ).toBe("home|Hello");
    expect(await psql(theirs.url, "select slug from pages")).toBe("theirs");
    const { host, port, user, password, database } = shown;
    expect(
      await psql(`postgres://${user}:${password}@${host}:${port}/${database}`, "select count(*) from pages"),
    ).toBe("1");
  });

  it("suspension keeps it out and ends its connections, resuming lets it in again, deletion removes it", async () => {
    const slug = await newTenant(level);
    const { url, user } = await credentials(slug);
    const inside = new pg.Client({ connectionString: url });
    const cut = new Promise<Error>((resolve) => inside.on("error", resolve));
    await inside.connect();
    await installation.api.call("POST", `/v1/tenants/${slug}/suspend`);
    expect((await cut).message).toContain("terminating connection");
    await eventually("nobody gets in", () => refused(url));
    expect(await credentials(slug)).toMatchObject({ url, open: false });
    await installation.api.call("POST", `/v1/tenants/${slug}/resume`);
    await eventually("it works again", async () => !(await refused(url)));
    const deleted = await installation.command(["tenant", "delete", slug, "--now", "--yes", "--wait"]);
    expect(deleted).toMatchObject({ code: 0 });
    const { databaseUrl } = installation.operator;
    expect(await query(databaseUrl, `select from pg_roles where rolname = '${user}'`)).toEqual([]);
    await eventually("it is gone", () => refused(url));
  });
});

it("rotation gives another login and ends the one before, at once or after a while", async () => {
  const slug = await newTenant("shared");
  const first = await credentials(slug);
  const second = await credentials(slug, "--rotate");
  expect(second.user).not.toBe(first.user);
  expect(await refused(first.url)).toBe(true);
  expect(await psql(second.url, page("kept"), "select slug from pages")).toBe("kept");
  const third = await credentials(slug, "--rotate", "--overlap", "600");
  expect(third.previous).toMatchObject([{ user: second.user }]);
  for (const { url } of [second, third]) expect(await psql(url, "select slug from pages")).toBe("kept");
  await credentials(slug, "--rotate");
  for (const { url } of [second, third]) expect(await refused(url)).toBe(true);
  const revoked = await installation.command(["tenant", "credentials", slug, "--revoke", "--yes"]);
  expect(revoked).toMatchObject({ code: 0 });
  const { databaseUrl } = installation.operator;
  const left = await query<{ name: string }>(
    databaseUrl,
    "select rolname as name from pg_roles where rolname ~ '^tnl_'",
  );
  for (const { user } of [first, second, third]) expect(left).not.toContainEqual({ name: user });
  const { status, body } = await installation.api.call(
    "GET",
    `/v1/tenants/${slug}/environments/production/credentials`,
  );
  expect([status, body]).toEqual([404, expect.objectContaining({ code: "credentials_not_found" })]);
});
