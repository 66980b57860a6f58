import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { freePort } from "../postgres-process/free-port.ts";
import { listeningUids, strangerAt } from "./listener.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(host: string): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen({ port: 0, host }, resolve));
  return (server.address() as { port: number }).port;
}

const own = process.getuid!();

describe("whoever listens on an application's port", () => {
  it.each(["127.0.0.1", "0.0.0.0", "::"])("at %s is found by the kernel's own tables", async (host) => {
    const port = await listen(host);
    // Root may listen anywhere.
    const expected = own === 0 ? undefined : expect.stringContaining(`uid ${own}`);
    expect(await strangerAt(port, 4_242)).toEqual(expected);
    expect(await strangerAt(port, own)).toBeUndefined();
  });

  it("is nobody where nobody listens", async () => {
    expect(await strangerAt(await freePort("127.0.0.1"), 4_242)).toBeUndefined();
  });

  it("is told from who listens elsewhere, or only has a connection", () => {
    const line = (local: string, state: string, uid: number) =>
      `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000 ${uid}        0 4242 1 0 100 0 0 10 0`;
    const table = [
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
      line("0100007F:1F90", "0A", 1),
      line("00000000:1F90", "0A", 2),
      line("0200007F:1F90", "0A", 3),
      line("0100007F:1F91", "0A", 4),
      line("0100007F:1F90", "01", 5),
      line("0000000000000000FFFF00000100007F:1F90", "0A", 6),
      line("00000000000000000000000000000000:1F90", "0A", 7),
      line("00000000000000000000000001000000:1F90", "0A", 8),
    ].join("\n");
    expect(listeningUids(8080, table)).toEqual([1, 2, 6, 7]);
  });
});
