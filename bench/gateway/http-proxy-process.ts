import { Agent, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import httpProxy from "http-proxy";

const { hostCount, upstreamUrl } = JSON.parse(process.argv[2]!) as { hostCount: number; upstreamUrl: string };
const known = new Set(Array.from({ length: hostCount }, (_, at) => `tenant-${at}.localhost`));
const proxy = httpProxy.createProxyServer({
  target: upstreamUrl,
  xfwd: true,
  agent: new Agent({ keepAlive: true, maxSockets: 256 }),
});
proxy.on("error", (_error, _request, response) => {
  response.end();
});

const server = createServer((request, response) => {
  if (known.has(request.headers.host ?? "")) proxy.web(request, response);
  else response.writeHead(404).end();
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
