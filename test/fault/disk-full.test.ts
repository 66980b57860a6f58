import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { MigrationListReply, OperationReply } from "@tenantry/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import type { Reply } from "../support/http.ts";
import { Installation } from "../support/installation.ts";
import { databaseUrl, query } from "../support/registry.ts";
import { password, siteUser } from "../support/site-user.ts";
import { becomesWhole } from "../support/whole.ts";

function mount(directory: string, options: string): void {
  mkdirSync(directory, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", directory], { stdio: "ignore" });
}

const unmount = (directory: string) => execFileSync("umount", ["-l", directory], { stdio: "ignore" });

/** Root in a container may not be allowed to. */
function mayMount(): boolean {
  const directory = mkdtempSync(path.join(tmpdir(), "tenantry-mount-"));
  try {
    mount(directory, "size=1m");
    unmount(directory);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Takes all room there is, and answers how to give it back. */
function fill(directory: string): () => void {
  const name = path.join(directory, "filler");
  const file = openSync(name, "w");
  for (const bytes of [1 << 20, 1 << 12, 1]) {
    const chunk = Buffer.alloc(bytes);
    for (let written = bytes; written === bytes; ) written = writeAsMuch(file, chunk);
  }
  closeSync(file);
  return () => rmSync(name);
}

function writeAsMuch(file: number, chunk: Buffer): number {
  try {
    return writeSync(file, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    return 0;
  }
}

describe.runIf(mayMount())("on a disk of its own that is full (takes the right to mount)", () => {
  const installation = new Installation();
  const storage = path.join(installation.dataDir, "storage");
  const sqlite = path.join(installation.dataDir, "sqlite");
  const admin = { email: "admin@acme.example", password };
  beforeAll(async () => {
    // Room for what stands by itself (spares of two applications, logs), and for PostgreSQL to come back.
    mount(installation.dataDir, "size=600m,mode=711");
    // Places for files run out before anything else does.
    mount(storage, "size=4m,nr_inodes=60,mode=711");
    mount(sqlite, "size=3m,mode=711");
    await installation.start();
    await installation.api.createTenant("acme", { admin });
    expect((await installation.visit("acme")).status).toBe(200);
  });
  afterAll(async () => {
    await installation.kill();
    for (const directory of [storage, sqlite, installation.dataDir]) unmount(directory);
    await installation[Symbol.asyncDispose]();
  });

  it("an upload to Sites says that there is no room and keeps nothing, and works once there is", async () => {
    const editor = siteUser(installation, "acme");
    expect(await editor.logIn(admin.email)).toBe(303);
    const picture = `${fresh("picture")}.png`;
    const before = await kept();
    const giveBack = fill(storage);
    const refused = await upload(editor.cookie, picture, 500_000);
    expect(refused.status).toBe(507);
    expect(refused.body).toContain(
      `The server has no room for “${picture}” at the moment, and kept nothing of it.`,
    );
    giveBack();
    expect(await kept()).toEqual(before);
    expect((await editor.get("/admin/media")).body).not.toContain(picture);
    expect((await upload(editor.cookie, picture, 500_000)).status).toBe(303);
    expect((await editor.get("/admin/media")).body).toContain(picture);
  });

  it("a provisioning that finds no room for its files fails with that, leaves nothing, and succeeds when retried", async () => {
    const files: string[] = [];
    for (let isFull = false; !isFull; ) {
      const name = path.join(storage, `empty-${files.length}`);
      try {
        closeSync(openSync(name, "w"));
        files.push(name);
      } catch (error) {
        expect(error).toMatchObject({ code: "ENOSPC" });
        isFull = true;
      }
    }
    const beta = fresh("beta");
    const begun = await begin(beta);
    const failed = await installation.api.ended(begun.body.id);
    expect(failed).toMatchObject({
      status: "failed",
      error: { code: "disk_full", detail: expect.stringContaining("no space left on device, mkdir") },
    });
    await Promise.all(files.map((name) => rm(name)));
    await becomesWhole(installation);
    await installation.api.call("POST", `/v1/operations/${begun.body.id}/retry`);
    expect(await installation.api.ended(begun.body.id)).toMatchObject({ status: "succeeded" });
    expect((await installation.visit(beta)).status).toBe(200);
    await becomesWhole(installation);
  });

  it("a tenant whose SQLite file finds no room isn't made, one that has a file loses nothing, and both work once there is", async () => {
    const isolation = { database: "sqlite" };
    const delta = fresh("delta");
    await installation.api.createTenant(delta, { admin, isolation });
    const editor = siteUser(installation, delta);
    expect(await editor.logIn(admin.email)).toBe(303);
    const write = () =>
      editor.post("/admin/pages", {
        title: fresh("page"),
        slug: fresh("page"),
        body: "x".repeat(20_000),
        intent: "publish",
      });
    const giveBack = fill(sqlite);
    const body = { slug: fresh("epsilon"), name: "Epsilon", isolation };
    const begun = (await installation.api.call<OperationReply>("POST", "/v1/tenants", body)).body;
    expect(await installation.api.ended(begun.id)).toMatchObject({
      status: "failed",
      error: { code: "disk_full" },
    });
    expect((await write()).status).toBeGreaterThanOrEqual(500);
    // At the level database, on another disk.
    expect((await installation.visit("acme")).status).toBe(200);
    giveBack();
    await becomesWhole(installation);
    await installation.api.call("POST", `/v1/operations/${begun.id}/retry`);
    expect(await installation.api.ended(begun.id)).toMatchObject({ status: "succeeded" });
    for (const slug of [delta, body.slug]) expect((await installation.visit(slug)).status).toBe(200);
    expect((await write()).status).toBe(303);
    await becomesWhole(installation);
  });

  it("with PostgreSQL's own files on it the API says so, tenants are served, and all goes on once there is room", async () => {
    expect((await installation.visit("acme")).status).toBe(200);
    const giveBack = fill(installation.dataDir);
    expect((await installation.visit("acme")).status).toBe(200);
    const begun: string[] = [];
    const full = await eventually("there is no room for another tenant", async () => {
      const { status, body } = await begin(fresh("full"));
      if (status === 202) begun.push(body.id);
      return status === 202 ? undefined : { status, body };
    });
    // Where it happens to be the server's log that finds no room, the server is away.
    const told = { 507: "disk_full", 503: "unavailable" } as Record<number, string>;
    expect(full.body).toMatchObject({ code: told[full.status] });
    giveBack();
    await comesBack();
    for (const id of begun) {
      const ended = await installation.api.ended(id);
      if (ended.status === "failed") expect(ended.error).toMatchObject({ code: "disk_full" });
      else expect(ended.status).toBe("succeeded");
    }
    await works(fresh("gamma"));
  });

  it("a tenant for whose migration there is no room keeps its release and its rows, the others go on, and it follows later", async () => {
    const app = fresh("notes");
    const release = (...files: string[]) => ({
      upstreamUrl: "http://127.0.0.1:9",
      migrations: files.map((sql, index) => ({ name: `000${index + 1}.sql`, sql })),
    });
    const first = "create table notes (id int);";
    // Tables that aren't logged run out of room before the log does.
    const second =
      "create unlogged table copies as select repeat('x', 1000) from notes, generate_series(1, 600000);";
    const { body } = await installation.api.call<{ operationId: string }>("POST", "/v1/apps", {
      slug: app,
      ...release(first),
    });
    expect(await installation.api.ended(body.operationId)).toMatchObject({ status: "succeeded" });
    const [large, small] = [fresh("large"), fresh("small")];
    for (const slug of [large, small])
      await installation.api.createTenant(slug, { app, isolation: { database: "schema" } });
    const [place] = await installation.sql<{ name: string }>(
      `select d.name from databases d join placements p on p.database_id = d.id
       join environments e on e.id = p.environment_id join tenants t on t.id = e.tenant_id where t.slug = $1`,
      [large],
    );
    const [container, schema] = place!.name.split(".");
    const url = databaseUrl(installation.registryUrl, container!);
    await query(url, `insert into ${schema}.notes values (1)`);
    const released = await installation.api.call<OperationReply>(
      "POST",
      `/v1/apps/${app}/releases`,
      release(first, second),
    );
    expect(await installation.api.ended(released.body.id)).toMatchObject({ status: "succeeded" });
    const list = await installation.api.call<MigrationListReply>("GET", `/v1/apps/${app}/migrations`);
    expect(list.body.counts).toMatchObject({ current: 1, failed: 1, heldBack: 1 });
    const failed = list.body.items.find(({ tenantSlug }) => tenantSlug === large);
    expect(failed?.failure?.detail).toContain("No space left on device");
    expect(await query(url, `select * from ${schema}.notes`)).toEqual([{ id: 1 }]);
    await query(url, `delete from ${schema}.notes`);
    const again = await installation.api.call<OperationReply>("POST", `/v1/apps/${app}/migrations`, {});
    expect(await installation.api.ended(again.body.id)).toMatchObject({ status: "succeeded" });
    await becomesWhole(installation);
  });

  it("when PostgreSQL can't even write its log it comes back by itself, with all that was there, once there is room", async () => {
    const giveBack = fill(installation.dataDir);
    await eventually("PostgreSQL gave up", async () => {
      try {
        // Uses up the log, and no room that a table would need.
        await installation.sql("select pg_switch_wal()");
        await installation.sql("select pg_logical_emit_message(true, 'filler', repeat('x', 1000000))");
        return false;
      } catch (error) {
        // With the server the connection ends; a refusal that it survives isn't enough.
        return !/No space left/.test((error as Error).message);
      }
    });
    await eventually("the API says that the registry is away", async () => {
      const { status } = await installation.api.call("GET", "/v1/tenants");
      return status === 503;
    });
    giveBack();
    await comesBack();
    await works(fresh("delta"));
  });

  function comesBack(): Promise<boolean> {
    return eventually("the API is back", async () => {
      const { status } = await installation.api.call("GET", "/v1/tenants");
      return status === 200;
    });
  }

  async function works(slug: string): Promise<void> {
    await installation.api.createTenant(slug);
    for (const each of [slug, "acme"]) {
      await eventually(`${each} is served`, async () => (await installation.visit(each)).status === 200);
    }
    await becomesWhole(installation);
  }

  /** What is stored, but for the directories that uploads pass through. */
  async function kept(): Promise<string[]> {
    const entries = await readdir(storage, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => path.join(parentPath, name));
  }

  function begin(slug: string) {
    return installation.api.call<OperationReply>("POST", "/v1/tenants", { slug, name: "Beta" });
  }

  /** As a browser sends a form with a file. */
  function upload(cookie: string, name: string, bytes: number): Promise<Reply> {
    const boundary = "----tenantry";
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="${name}"\r\nContent-Type: image/png\r\n\r\n`;
    const png = Buffer.alloc(bytes);
    Buffer.from("89504e470d0a1a0a0000000d49484452", "hex").copy(png);
    return installation.visit("acme", "/admin/media", {
      method: "POST",
      headers: {
        cookie,
        "content-type": `multipart/form-data; boundary=${boundary}`,
        "sec-fetch-site": "same-origin",
      },
      body: Buffer.concat([Buffer.from(head), png, Buffer.from(`\r\n--${boundary}--\r\n`)]),
    });
  }
});
