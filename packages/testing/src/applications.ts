import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { sendOver } from "./send-over.ts";

/**
 * An application under test: the address at which it runs, a server of node:http, an application of Express or Fastify or
 * any other listener of node:http, or something that answers `fetch(request)`, such as Hono's.
 */
export type Application =
  | string
  | URL
  | Server
  | ((request: IncomingMessage, response: ServerResponse) => unknown)
  | { ready(): PromiseLike<unknown>; routing(request: IncomingMessage, response: ServerResponse): void }
  | { fetch(request: Request): Response | Promise<Response> };

/** Sends requests to applications, and serves those that don't listen yet until `close`. */
export type Applications = {
  send(application: Application, path: string, init: RequestInit): Promise<Response>;
  close(): Promise<void>;
};

export function createApplications(): Applications {
  const addresses = new Map<object, Promise<string>>();
  const opened: Server[] = [];

  async function serve(server: Server): Promise<string> {
    if (!server.listening) {
      opened.push(server);
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
    }
    const { port } = server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  async function open(application: Exclude<Application, string | URL>): Promise<string> {
    if (isServer(application)) return serve(application);
    if ("routing" in application) {
      await application.ready();
      return serve(createServer((request, response) => application.routing(request, response)));
    }
    return serve(createServer(application as RequestListener));
  }

  function addressOf(application: Exclude<Application, string | URL>): Promise<string> {
    if (!addresses.has(application)) addresses.set(application, open(application));
    return addresses.get(application)!;
  }

  return {
    async send(application, path, init) {
      if (typeof application === "string" || application instanceof URL) {
        return sendOver(new URL(path, application), init);
      }
      if (isFetching(application)) return application.fetch(new Request(new URL(path, hostOf(init)), init));
      return sendOver(new URL(path, await addressOf(application)), init);
    },
    async close() {
      for (const server of opened.splice(0)) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

type Fetching = Extract<Application, { fetch: unknown }>;

/** A listener is a function; what is no function and has `fetch` answers by itself. */
function isFetching(application: object): application is Fetching {
  return (
    typeof application !== "function" && "fetch" in application && typeof application.fetch === "function"
  );
}

function isServer(application: object): application is Server {
  return "listening" in application && "listen" in application;
}

/** As whoever is called by `fetch` sees its own address. */
const hostOf = ({ headers }: RequestInit): string => `http://${new Headers(headers).get("host")}`;
