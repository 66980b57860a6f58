import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestApi } from "../../testing/api.ts";
import type { Api } from "./index.ts";

let api: Api;
let port: number;
beforeAll(async () => {
  api = await createTestApi({
    hosts: ["control.example.com"],
    groups: [
      (at) => {
        at.get(
          "/v1/echo/:text",
          {
            config: { permission: "public" },
            schema: { operationId: "echo", summary: "Echo", tags: ["test"] },
          },
          async (request) => request.params,
        );
      },
    ],
  });
  await api.listen({ host: "127.0.0.1", port: 0 });
  port = (api.server.address() as { port: number }).port;
});
afterAll(async () => api.close());

/** Sends bytes as they are, and reads until the server ends the connection. */
function exchange(request: string): Promise<{ status: number; head: string; body: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.end(request));
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", reject);
    socket.on("close", () => {
      const [head = "", ...rest] = text.split("\r\n\r\n");
      resolve({ status: Number(head.split(" ")[1]), head, body: rest.join("\r\n\r\n") });
    });
  });
}

const get = (target: string, headers = "Host: localhost\r\n", method = "GET") =>
  exchange(`${method} ${target} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`);

describe("what arrives on the wire", () => {
  it("is answered when it is in order", async () => {
    expect(await get("/v1/echo/hello")).toMatchObject({ status: 200, body: '{"text":"hello"}' });
  });

  it.each([
    ["two Host headers", "/healthz", "Host: localhost\r\nHost: localhost\r\n", 400],
    ["no Host header", "/healthz", "", 400],
    ["an absolute URI", "http://localhost/healthz", undefined, 400],
    ["two lengths that differ", "/healthz", "Host: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n", 400],
    [
      "a length beside chunks",
      "/healthz",
      "Host: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
      400,
    ],
    ["a header without a colon", "/healthz", "Host: localhost\r\nnonsense\r\n", 400],
    ["a line folded as in old times", "/healthz", "Host: localhost\r\nX: 1\r\n 2\r\n", 400],
    ["headers of 64 KiB", "/healthz", `Host: localhost\r\nX: ${"x".repeat(65_536)}\r\n`, 431],
    ["a broken escape", "/v1/echo/%zz", undefined, 400],
    ["an escape that isn't UTF-8", "/v1/echo/%ff", undefined, 400],
    ["a part of the path that is too long", `/v1/echo/${"x".repeat(501)}`, undefined, 404],
  ])("with %s is refused with a problem", async (_what, target, headers, status) => {
    const reply = await get(target, headers);
    expect(reply.status).toBe(status);
    expect(reply.head.toLowerCase()).toContain("content-type: application/problem+json");
    expect(JSON.parse(reply.body)).toMatchObject({ status, code: expect.any(String) });
  });

  it("with an escaped NUL names the part of the path", async () => {
    const reply = await get("/v1/echo/a%00b");
    expect(reply.status).toBe(422);
    expect(JSON.parse(reply.body)).toMatchObject({ errors: [{ pointer: "text" }] });
  });

  it.each(["PROPFIND", "TRACE", "OPTIONS"])(
    "with the method %s is told which would be right",
    async (method) => {
      const reply = await get("/v1/echo/x", undefined, method);
      expect(reply.status).toBe(405);
      expect(reply.head.toLowerCase()).toContain("allow: get, head");
    },
  );
});

describe("the name that the API is called by", () => {
  it.each([
    "localhost",
    "LOCALHOST:8686",
    "127.0.0.1:1",
    "[::1]",
    "192.0.2.7",
    "control.example.com",
    "localhost.",
  ])("may be %s", async (host) => {
    expect((await get("/healthz", `Host: ${host}\r\n`)).status).toBe(200);
  });

  it.each([
    "evil.example",
    "localhost.evil.example",
    "acme.localhost",
    "127.0.0.1.evil.example",
    "",
    "[",
    "localhost@evil.example",
  ])("can't be %j: a page that points its own name here gets nothing", async (host) => {
    const reply = await get("/healthz", `Host: ${host}\r\n`);
    expect(reply.status).toBe(421);
    expect(JSON.parse(reply.body)).toMatchObject({ code: "host_refused" });
  });
});
