import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";

/** What the proxy does with a request: passes it on, or one of the ways in which servers let one down. */
export type Fault = "pass" | "fail" | "cut" | "hang";

/** A way to an HTTP server that fails as it is told to. Requests go through as they are, the Host header included. */
export type FaultyProxy = {
  url: string;
  /** Asked for each request; `pass` until it is set. */
  fault: (request: { method: string; url: string }) => Fault;
  /** Milliseconds that each request waits first. */
  delayMs: number;
  /** What came through, `PUT /bucket/key?…` each. */
  seen: string[];
  stop(): Promise<void>;
};

export async function faultyProxy(target: string): Promise<FaultyProxy> {
  const server = http.createServer((request, response) => {
    const { method = "", url = "" } = request;
    self.seen.push(`${method} ${url}`);
    setTimeout(() => act(self.fault({ method, url })), self.delayMs);
    function act(fault: Fault): void {
      if (fault === "hang") return;
      if (fault === "fail") {
        request.resume();
        response.writeHead(500, { "content-type": "application/xml" });
        response.end("<Error><Code>InternalError</Code><Message>It broke.</Message></Error>");
        return;
      }
      passOn(request, response, fault === "cut");
    }
  });

  function passOn(request: http.IncomingMessage, response: http.ServerResponse, cut: boolean): void {
    const { method, headers } = request;
    const upstream = http.request(new URL(request.url!, target), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      if (!cut) return void pipeline(answer, response).catch(() => response.destroy());
      // Half of what was promised, then nothing more.
      answer.once("data", (chunk: Buffer) => {
        response.write(chunk.subarray(0, chunk.length / 2), () => response.destroy());
        answer.destroy();
      });
    });
    pipeline(request, upstream).catch(() => response.destroy());
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const self: FaultyProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fault: () => "pass",
    delayMs: 0,
    seen: [],
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  return self;
}
