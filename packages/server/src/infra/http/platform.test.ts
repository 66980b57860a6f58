import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { asOperator, createTestApi } from "../../testing/api.ts";
import { type Api, type ApiOptions, openApiText } from "./index.ts";

const thing = z.object({ id: z.string(), size: z.number().nullable() });

let api: Api;
let ready = true;
let draining = false;
const logged: { fields: Record<string, unknown>; event: string }[] = [];

function recordingLog() {
  const write = (fields: Record<string, unknown>, event: string) => void logged.push({ fields, event });
  const log = {
    info: write,
    warn: write,
    error: write,
    debug: write,
    trace: write,
    fatal: write,
    level: "info",
  };
  return Object.assign(log, { child: () => log }) as unknown as ApiOptions["log"];
}

beforeAll(async () => {
  api = await createTestApi({
    log: recordingLog(),
    checks: [
      {
        name: "registry",
        check: async () => {
          if (!ready) throw new Error("password=hunter2");
        },
      },
    ],
    isDraining: () => draining,
    publicKeys: async () => ({ keys: [{ kid: "1" }] }),
    groups: [
      (at) => {
        at.get(
          "/v1/things/:thing",
          {
            config: { permission: "tenants:read" },
            schema: {
              operationId: "showThing",
              summary: "Show a thing",
              tags: ["things"],
              params: z.strictObject({ thing: z.string() }),
              querystring: z.strictObject({ deep: z.coerce.number().optional() }),
              response: { 200: thing },
            },
          },
          async ({ params }) => ({ id: params.thing, size: null, secret: "not in the schema" }),
        );
        at.patch(
          "/v1/things/:thing",
          {
            config: { permission: "tenants:write" },
            schema: {
              operationId: "changeThing",
              summary: "Change a thing",
              tags: ["things"],
              params: z.strictObject({ thing: z.string() }),
              body: z.strictObject({ size: z.number() }),
              response: { 202: thing },
            },
          },
          async ({ params, body }, reply) => reply.code(202).send({ id: params.thing, size: body.size }),
        );
      },
    ],
  });
});
afterAll(async () => api.close());

describe("what watches the process", () => {
  it("learns that it lives and whether to send it work", async () => {
    expect((await api.inject("/healthz")).json()).toEqual({ status: "ok", version: "0.0.0-test" });
    expect((await api.inject("/readyz")).json()).toEqual({ status: "ready", checks: ["registry"] });
  });

  it("is told what isn't ready, but not why", async () => {
    ready = false;
    const reply = await api.inject("/readyz");
    ready = true;
    expect(reply.statusCode).toBe(503);
    expect(reply.json()).toMatchObject({ code: "unavailable", failed: ["registry"] });
    expect(reply.body).not.toContain("hunter2");
  });

  it("sends no more work to a node that is about to stop, which still answers", async () => {
    draining = true;
    expect((await api.inject("/readyz")).statusCode).toBe(503);
    expect((await api.inject("/healthz")).statusCode).toBe(200);
    draining = false;
  });

  it("gets metrics by route, not by path", async () => {
    await api.inject({ url: "/v1/things/one", headers: asOperator });
    const { body } = await api.inject("/metrics");
    expect(body).toContain(
      'tenantry_api_request_duration_seconds_count{method="GET",route="/v1/things/:thing",status="200"}',
    );
    expect(body).not.toContain("/v1/things/one");
  });

  it("finds one line in the log for each request, without key or path", async () => {
    logged.length = 0;
    const reply = await api.inject({ url: "/v1/things/one?deep=1", headers: asOperator });
    const lines = logged.filter(({ event }) => event === "http.request");
    expect(lines).toHaveLength(1);
    expect(lines[0]!.fields).toMatchObject({
      method: "GET",
      route: "/v1/things/:thing",
      status: 200,
      principal: expect.stringMatching(/^operator:/),
    });
    expect(JSON.stringify(lines)).not.toContain("test-operator");
    expect(reply.headers["tenantry-request-id"]).toMatch(/^req_[0-9a-z]{26}$/);
  });

  it("gets our public keys", async () => {
    expect((await api.inject("/.well-known/jwks.json")).json()).toEqual({ keys: [{ kid: "1" }] });
  });
});

describe("the API's description", () => {
  type Operation = {
    security: unknown;
    responses: Record<string, unknown>;
    parameters: { name: string; $ref?: string }[];
  };
  type Description = {
    openapi: string;
    paths: Record<string, { get: Operation; patch?: Operation }>;
    components: { schemas: object };
  };

  it("is OpenAPI 3.1 of exactly the routes for clients", async () => {
    const description = (await api.inject("/openapi.json")).json() as Description;
    expect(description.openapi).toBe("3.1.0");
    expect(Object.keys(description.paths)).toEqual(["/v1/things/{thing}"]);
  });

  it("says what each route takes, answers and needs", async () => {
    const { paths, components } = (await api.inject("/openapi.json")).json() as Description;
    const { get } = paths["/v1/things/{thing}"]!;
    expect(get).toMatchObject({
      operationId: "showThing",
      summary: "Show a thing",
      security: [{ key: [] }],
      "x-permission": "tenants:read",
    });
    expect(get.parameters.map(({ name }) => name).sort()).toEqual(["deep", "thing"]);
    expect(Object.keys(get.responses)).toEqual(["200", "default"]);
    expect(JSON.stringify(get.responses.default)).toContain("application/problem+json");
    expect(components.schemas).toHaveProperty("Problem.properties.code.enum");
  });

  it("is valid by the specification's own schema", async () => {
    const { errors, valid } = await new Validator().validate((await api.inject("/openapi.json")).json());
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  it("names the headers that a write heeds", async () => {
    const { paths } = (await api.inject("/openapi.json")).json() as Description;
    const references = paths["/v1/things/{thing}"]!.patch!.parameters.map(({ $ref }) =>
      $ref?.split("/").pop(),
    );
    expect(references.filter(Boolean)).toEqual(["IdempotencyKey", "Prefer", "IfMatch"]);
  });

  it("is the same text each time", () => {
    expect(openApiText(api)).toBe(openApiText(api));
  });

  it("can be read at /docs, which loads nothing from elsewhere", async () => {
    const page = await api.inject("/docs/");
    expect(page.statusCode).toBe(200);
    expect(page.headers["content-security-policy"]).toContain("default-src 'none'");
    const files = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file!);
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) {
      const { statusCode } = await api.inject(new URL(file, "http://localhost/docs/").pathname);
      expect({ file, statusCode }).toEqual({ file, statusCode: 200 });
      expect(file).not.toMatch(/^(?:https?:)?\/\//);
    }
  });
});

describe("replies", () => {
  it("hold what their schema names and nothing else", async () => {
    const reply = await api.inject({ url: "/v1/things/one", headers: asOperator });
    expect(reply.json()).toEqual({ id: "one", size: null });
  });

  it("carry headers that keep browsers from misusing them", async () => {
    const { headers } = await api.inject({ url: "/v1/things/one", headers: asOperator });
    expect(headers).toMatchObject({
      "content-security-policy": "default-src 'none';frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
    });
    expect(headers).not.toHaveProperty("access-control-allow-origin");
  });

  it.each([
    ["the registry is away", "ECONNREFUSED", { status: 503, code: "unavailable" }, "2"],
    ["the database server's disk is full", "53100", { status: 507, code: "disk_full" }, undefined],
    ["this machine's disk is full", "ENOSPC", { status: 507, code: "disk_full" }, undefined],
  ] as const)("say that %s", async (_what, code, problem, retryAfter) => {
    const thrown = Object.assign(new Error("in the words of the system"), { code });
    const groups = [
      (at: Api) =>
        void at.get(
          "/v1/x",
          { config: { permission: "tenants:read" }, schema: { operationId: "x", summary: "x", tags: ["x"] } },
          async () => ({}),
        ),
    ];
    const broken = await createTestApi({ groups, authenticate: () => Promise.reject(thrown) });
    const reply = await broken.inject("/v1/x");
    await broken.close();
    expect(reply.json()).toMatchObject(problem);
    expect(reply.headers["retry-after"]).toBe(retryAfter);
  });
});
