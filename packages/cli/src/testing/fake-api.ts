import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Asked = { method: string; url: string; headers: IncomingMessage["headers"]; body: unknown };

export type Answer =
  | { status?: number; body?: unknown; headers?: Record<string, string> }
  /** Server-sent events: each sent at once; `broken` ends the connection in the middle. */
  | { events: readonly unknown[]; broken?: boolean; open?: boolean };

export type FakeApi = {
  url: string;
  /** What was asked so far, in its order. */
  asked: Asked[];
  [Symbol.asyncDispose](): Promise<void>;
};

/** A small API that answers what it is told to. */
export async function startFakeApi(answer: (asked: Asked) => Answer): Promise<FakeApi> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void read(request).then((body) => {
      const one = { method: request.method!, url: request.url!, headers: request.headers, body };
      asked.push(one);
      send(response, answer(one));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function read(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk as string;
  if (request.headers["content-type"] === "application/octet-stream") return text;
  return text === "" ? undefined : JSON.parse(text);
}

function send(response: ServerResponse, answer: Answer): void {
  if ("events" in answer) sendEvents(response, answer);
  else sendBody(response, answer);
}

function sendBody(response: ServerResponse, answer: Exclude<Answer, { events: readonly unknown[] }>): void {
  const { status = 200, body, headers } = answer;
  const type = status >= 400 ? "application/problem+json" : "application/json";
  response.writeHead(status, { ...(body === undefined ? {} : { "content-type": type }), ...headers });
  response.end(body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body));
}

function sendEvents(response: ServerResponse, answer: Extract<Answer, { events: readonly unknown[] }>): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(": hello\n\n");
  for (const event of answer.events) response.write(`event: operation\ndata: ${JSON.stringify(event)}\n\n`);
  if (answer.broken) response.write('data: {"cut', () => response.destroy());
  else if (!answer.open) response.end();
}
