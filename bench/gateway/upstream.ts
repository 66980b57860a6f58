import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const bodies = new Map<string, Buffer>();

const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  const path = request.url ?? "/";
  let body = bodies.get(path);
  if (body === undefined) {
    body = Buffer.alloc(Number(path.slice(1)) || 0, "x");
    bodies.set(path, body);
  }
  response.writeHead(200, ["Content-Type", "text/plain", "Content-Length", String(body.length)]);
  response.end(body);
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
