import { once } from "node:events";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";
import type { RunningSite } from "./running-site.ts";

export type Front = { port: number; stop(): Promise<void> };

/** A door for browsers: finds the tenant by the hostname and signs for it, as the gateway does. */
export async function openFront(site: RunningSite): Promise<Front> {
  const server = http.createServer((request, response) => {
    forward(site, request, response).catch((error: Error) => response.destroy(error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function forward(site: RunningSite, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hostname = (request.headers.host ?? "").split(":")[0];
  const tenant = site.tenants.find(({ hostnames }) => hostnames.includes(hostname!));
  if (!tenant) {
    response.writeHead(404).end();
    return;
  }
  const headers = {
    ...request.headers,
    "tenantry-token": await site.installation.token(tenant),
    "x-forwarded-for": "203.0.113.7",
    "x-forwarded-proto": "http",
  };
  const { port } = site.server;
  const options = { host: "127.0.0.1", port, path: request.url, method: request.method, headers };
  const passed = http.request(options, (answer) => {
    response.writeHead(answer.statusCode!, answer.headers);
    pipeline(answer, response, () => undefined);
  });
  pipeline(request, passed, (error) => error && response.destroy(error));
  response.on("close", () => passed.destroy());
}
