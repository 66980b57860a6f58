import { AsyncResource } from "node:async_hooks";
import { EventEmitter, once } from "node:events";
import { readFile } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { serve } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { tenantMiddleware as forExpress, tenantErrors } from "../adapters/express.ts";
import { tenantErrorHandler, tenantPlugin } from "../adapters/fastify.ts";
import { tenantMiddleware as forHono } from "../adapters/hono.ts";
import { tenantListener } from "../adapters/node.ts";
import { EnvironmentSuspended } from "../errors.ts";
import { PoolExhausted } from "../index.ts";
import type { Tenantry } from "../tenantry.ts";

export type Application = { url: string; close(): Promise<unknown> };
type Start = (tenantry: Tenantry) => Promise<Application>;

const skip = (path: string) => path === "/health";

/** The tenant's slug as seen through every way in which code runs later. */
export async function seenLater(tenantry: Tenantry): Promise<Record<string, string>> {
  const slug = () => tenantry.current().tenant.slug;
  const later = (schedule: (done: () => void) => void) =>
    new Promise<string>((resolve, reject) => {
      schedule(() => {
        try {
          resolve(slug());
        } catch (error) {
          reject(error as Error);
        }
      });
    });
  const emitter = new EventEmitter();
  const emitted = later((done) => emitter.once("go", done));
  emitter.emit("go");
  const chunks: string[] = [];
  const mark = new PassThrough({
    transform: (_, __, done) => {
      chunks.push(slug());
      done();
    },
  });
  await pipeline(Readable.from(["a", "b"]), mark.resume());
  const resource = new AsyncResource("test");
  return {
    now: slug(),
    awaited: await pause(1).then(slug),
    timer: await later((done) => setTimeout(done, 1)),
    immediate: await later((done) => setImmediate(done)),
    nextTick: await later((done) => process.nextTick(done)),
    microtask: await later((done) => queueMicrotask(done)),
    fileRead: await later((done) => readFile(new URL(import.meta.url), () => done())),
    emitter: await emitted,
    stream: chunks.join(" "),
    asyncResource: await later((done) => setImmediate(() => resource.runInAsyncScope(done))),
  };
}

/** Yields the slug at each step, long after the handler has returned. */
async function* slowly(tenantry: Tenantry): AsyncGenerator<string> {
  for (let step = 0; step < 3; step += 1) {
    await pause(Math.random() * 3);
    yield `${tenantry.current().tenant.slug};`;
  }
}

/** A random walk over awaits; every step must see the same tenant. */
async function wander(tenantry: Tenantry): Promise<string> {
  const seen = new Set<string>();
  for (let step = 0; step < 6; step += 1) {
    seen.add(tenantry.current().tenant.slug);
    const way = Math.random();
    if (way < 0.3) await pause(Math.random() * 4);
    else if (way < 0.5) await new Promise((resolve) => setImmediate(resolve));
    else if (way < 0.7) await Promise.all([pause(1), Promise.resolve()]);
    else await tenantry.cache.increment("steps");
  }
  return [...seen].join(" ");
}

/** Reads a body by its events alone, as old code does, and says which tenants its listeners saw. */
function readByEvents(tenantry: Tenantry, request: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    const seen = new Set<string>();
    const see = () => seen.add(tenantry.current().tenant.slug);
    request.on("data", see);
    request.on("end", () => {
      see();
      resolve([...seen].join(" "));
    });
  });
}

function brokenHalfWay(url: string): Error {
  return url.endsWith("crowded") ? new PoolExhausted("Too many wait.", 3) : new EnvironmentSuspended("acme");
}

async function listening(server: Server): Promise<Application> {
  if (!server.listening) await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${port}`, close };
}

const startNode: Start = async (tenantry) => {
  const listener = tenantListener(
    tenantry,
    async (request, response) => {
      const answer = (body: unknown) => response.end(JSON.stringify(body));
      switch (request.url!.split("?")[0]) {
        case "/health":
          return answer("healthy");
        case "/later":
          return answer(await seenLater(tenantry));
        case "/wander":
          return answer(await wander(tenantry));
        case "/stream":
          return pipeline(Readable.from(slowly(tenantry)), response);
        case "/events":
          return answer(await readByEvents(tenantry, request));
        case "/body": {
          const text = (await Readable.from(request).toArray()).join("");
          return answer([tenantry.current().tenant.slug, JSON.parse(text)]);
        }
        default:
          throw brokenHalfWay(request.url!);
      }
    },
    { skip },
  );
  return listening(createServer((request, response) => void listener(request, response)));
};

const startExpress: Start = async (tenantry) => {
  const app = express();
  app.use(forExpress(tenantry, { skip }));
  app.get("/health", (_, response) => void response.json("healthy"));
  app.get("/later", async (_, response) => void response.json(await seenLater(tenantry)));
  app.get("/wander", async (_, response) => void response.json(await wander(tenantry)));
  app.get("/stream", (_, response) => pipeline(Readable.from(slowly(tenantry)), response));
  app.post("/events", async (request, response) => void response.json(await readByEvents(tenantry, request)));
  app.use(express.json({ limit: "1mb" }));
  app.post(
    "/body",
    (request, response) => void response.json([tenantry.current().tenant.slug, request.body]),
  );
  app.get("/half-way/:how", async (request) => {
    throw brokenHalfWay(request.url);
  });
  app.use(tenantErrors());
  return listening(createServer(app));
};

const startFastify: Start = async (tenantry) => {
  const app = fastify({ forceCloseConnections: true });
  app.setErrorHandler(tenantErrorHandler);
  await app.register(tenantPlugin, { tenantry, skip });
  app.addContentTypeParser("text/events", (_, __, done) => done(null));
  app.get("/health", async () => '"healthy"');
  app.get("/later", async () => seenLater(tenantry));
  app.get("/wander", async () => JSON.stringify(await wander(tenantry)));
  app.get("/stream", (_, reply) => reply.send(Readable.from(slowly(tenantry))));
  app.post("/events", async (request) => JSON.stringify(await readByEvents(tenantry, request.raw)));
  app.post("/body", async (request) => [tenantry.current().tenant.slug, request.body]);
  app.get("/half-way/:how", async (request) => {
    throw brokenHalfWay(request.url);
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = app.server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => app.close() };
};

const startHono: Start = async (tenantry) => {
  const app = new Hono<{ Bindings: { incoming: IncomingMessage } }>();
  app.onError((error, c) => c.text(error.message, 500));
  app.use(forHono(tenantry, { skip }));
  app.get("/health", (c) => c.json("healthy"));
  app.get("/later", async (c) => c.json(await seenLater(tenantry)));
  app.get("/wander", async (c) => c.json(await wander(tenantry)));
  app.get("/stream", () => {
    // Pulled from outside, one step at a time.
    const steps = slowly(tenantry);
    return new Response(
      new ReadableStream(
        {
          async pull(controller) {
            const { done, value } = await steps.next();
            if (done) controller.close();
            else controller.enqueue(new TextEncoder().encode(value));
          },
        },
        { highWaterMark: 0 },
      ),
    );
  });
  app.post("/events", async (c) => c.json(await readByEvents(tenantry, c.env.incoming)));
  app.post("/body", async (c) => c.json([tenantry.current().tenant.slug, await c.req.json()]));
  app.get("/half-way/:how", (c) => {
    throw brokenHalfWay(c.req.url);
  });
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
  await once(server, "listening");
  return listening(server);
};

/** The same application on each framework. */
export const frameworks: [name: string, start: Start][] = [
  ["node:http", startNode],
  ["Express", startExpress],
  ["Fastify", startFastify],
  ["Hono", startHono],
];
