import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestKit } from "@tenantry/testing";
import { createApp } from "./app.js";

const kit = await startTestKit({ migrations: new URL("migrations", import.meta.url) });
after(() => kit.close());
const app = createApp(kit.tenantry);

const note = (text) => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ text }),
});

test("a company finds what it has noted", async () => {
  await using globex = await kit.tenant({ name: "Globex Inc" });
  const written = await kit.fetch(app, globex, "/notes", note("Buy more paper"));
  assert.equal(written.status, 201);

  const found = await kit.fetch(app, globex, "/notes");
  const notes = [{ id: "1", text: "Buy more paper" }];
  assert.deepEqual(await found.json(), { company: "Globex Inc", notes });
});

test("nobody finds another's notes", async () => {
  await using globex = await kit.tenant();
  await using initech = await kit.tenant();
  await globex.db.query("insert into notes (text) values ('Buy more paper')");

  const found = await kit.fetch(app, initech, "/notes");
  assert.deepEqual((await found.json()).notes, []);
});

test("a suspended company's notes are closed", async () => {
  await using globex = await kit.tenant();
  await globex.change({ state: "suspended" });

  const refused = await kit.fetch(app, globex, "/notes");
  assert.equal(refused.status, 503);
  assert.equal((await refused.json()).code, "environment_suspended");
});
