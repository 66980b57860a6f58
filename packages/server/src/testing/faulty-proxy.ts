import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

/** What the proxy does with a request: passes it on, or one of the ways in which servers let one down. */
export type Fault =
  | "pass"
  | "fail"
  | "cut"
  | "hang"
  | "slow-down"
  | "garble"
  | "garble answer"
  | "cut request";

/** Another byte at the beginning of each piece, and as many as there were. */
const garbling = () =>
  new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const other = Buffer.from(chunk);
      other[0] = other[0]! ^ 1;
      done(null, other);
    },
  });

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
      if (fault === "fail" || fault === "slow-down") {
        const [status, code] = fault === "fail" ? [500, "InternalError"] : [503, "SlowDown"];
        request.resume();
        response.writeHead(status, { "content-type": "application/xml" });
        response.end(`<Error><Code>${code}</Code><Message>It broke.</Message></Error>`);
        return;
      }
      passOn(request, response, fault);
    }
  });

  function passOn(request: http.IncomingMessage, response: http.ServerResponse, fault: Fault): void {
    const { method, headers } = request;
    const upstream = http.request(new URL(request.url!, target), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      const received = fault === "garble answer" ? answer.pipe(garbling()) : answer;
      if (fault !== "cut") return void pipeline(received, response).catch(() => response.destroy());
      // Half of what was promised, then nothing more.
      answer.once("data", (chunk: Buffer) => {
        response.write(chunk.subarray(0, chunk.length / 2), () => response.destroy());
        answer.destroy();
      });
    });
    if (fault === "cut request") {
      // Half of a piece, and then the connection is gone.
      request.once("data", (chunk: Buffer) => {
        upstream.write(chunk.subarray(0, chunk.length / 2), () => upstream.destroy());
        request.socket.destroy();
      });
      upstream.on("error", () => response.destroy());
      return;
    }
    const body = fault === "garble" ? request.pipe(garbling()) : request;
    pipeline(body, upstream).catch(() => response.destroy());
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
