import { connect, type Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import { type TestSite, testSite } from "../testing/gateway.ts";
import { testTls } from "../testing/gateway-tls.ts";
import { waitUntil } from "../testing/wait-until.ts";

const tls = testTls();
let site: TestSite;
const opened: Socket[] = [];

beforeAll(async () => {
  const limits = { maxConnections: 8 };
  site = await testSite({ limits, tls: tls.options, trustedProxies: ["127.0.0.3"] });
});
afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
});
afterAll(() => site?.stop());

const host = "127.0.0.1";
const openPlain = (localAddress: string): Socket => connect({ host, port: site.tested.port, localAddress });
const openSecure = (localAddress: string): Socket =>
  // What is wanted of it isn't among its types: it hands all options on to the connection.
  connectSecurely({
    ...{ host, port: site.tested.tlsPort!, servername: "acme.localhost", ca: tls.ca },
    ...{ localAddress },
  });

describe.each([
  ["in cleartext", openPlain],
  ["under TLS", openSecure],
])("connections %s", (_, open) => {
  /** Those of twenty connections that get an answer and stay. */
  async function served(address: string): Promise<Socket[]> {
    const sockets = Array.from({ length: 20 }, () => open(address));
    opened.push(...sockets);
    const answered = await Promise.all(
      sockets.map(
        (socket) =>
          new Promise<boolean>((resolve) => {
            socket.on("error", () => undefined);
            socket.once("data", () => resolve(true)).once("close", () => resolve(false));
            socket.write("GET / HTTP/1.1\r\nHost: acme.localhost\r\n\r\n");
          }),
      ),
    );
    return sockets.filter((_socket, index) => answered[index]);
  }

  test("of one client leave room for others, and are free again when it has gone; a trusted proxy brings many clients", async () => {
    const allFrom = (address: string, expected: number) =>
      waitUntil("what was closed before is free again", async () => {
        const sockets = await served(address);
        if (sockets.length === expected) return true;
        for (const socket of sockets) socket.destroy();
        return false;
      });
    await allFrom("127.0.0.1", 6);
    await allFrom("127.0.0.2", 2);
    for (const socket of opened.splice(0)) socket.destroy();
    await allFrom("127.0.0.3", 8);
    for (const socket of opened.splice(0)) socket.destroy();
    await allFrom("127.0.0.1", 6);
  });
});
