import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asOperator, createTestApi } from "../../testing/api.ts";
import { type Api, etagOf, requireMatch } from "./index.ts";

let api: Api;
let revision = 7;
beforeAll(async () => {
  const schema = (operationId: string) => ({ operationId, summary: "Thing", tags: ["test"] });
  api = await createTestApi({
    groups: [
      (at) => {
        at.get(
          "/v1/thing",
          { config: { permission: "tenants:read" }, schema: schema("showThing") },
          async (_request, reply) => reply.header("etag", etagOf(revision)).send({ revision }),
        );
        at.patch(
          "/v1/thing",
          { config: { permission: "tenants:write" }, schema: schema("changeThing") },
          async (request) => {
            requireMatch(request, revision);
            revision += 1;
            return { revision };
          },
        );
      },
    ],
  });
});
afterAll(async () => api.close());

const send = (method: "GET" | "HEAD" | "PATCH", headers: Record<string, string> = {}) =>
  api.inject({ method, url: "/v1/thing", headers: { ...asOperator, ...headers } });

describe("revisions", () => {
  it("are told by ETag", async () => {
    revision = 7;
    expect((await send("GET")).headers.etag).toBe('"7"');
  });

  it.each(['"7"', 'W/"7"', '"6", "7"', "*"])("that the client holds (%s) aren't sent again", async (held) => {
    revision = 7;
    const reply = await send("GET", { "if-none-match": held });
    expect({ status: reply.statusCode, body: reply.body, tag: reply.headers.etag }).toEqual({
      status: 304,
      body: "",
      tag: '"7"',
    });
    expect((await send("HEAD", { "if-none-match": held })).statusCode).toBe(304);
  });

  it("that are old get the new one", async () => {
    revision = 8;
    expect((await send("GET", { "if-none-match": '"7"' })).json()).toEqual({ revision: 8 });
  });

  it.each([undefined, '"7"', '"1", "7"', "*"])("that match (%s) let a change through", async (wanted) => {
    revision = 7;
    const reply = await send("PATCH", wanted === undefined ? {} : { "if-match": wanted });
    expect(reply.json()).toEqual({ revision: 8 });
  });

  it.each(['"6"', 'W/"7"', "7", ""])(
    "that don't match (%j) keep it out: 412, nothing changed",
    async (wanted) => {
      revision = 7;
      const reply = await send("PATCH", { "if-match": wanted });
      expect(reply.statusCode).toBe(412);
      expect(reply.json()).toMatchObject({ code: "precondition_failed", detail: 'It is at "7" now.' });
      expect(revision).toBe(7);
    },
  );
});
