import { connect, createServer, type Socket } from "node:net";

/**
 * A link with a delay before PostgreSQL, in a process of its own: `node delay-proxy.ts <port> <ms each way>` prints the
 * port it listens on. Timers of Node.js count whole milliseconds, so whatever is under way is watched by turning.
 */
const [port, delayMs] = process.argv.slice(2).map(Number) as [number, number];
type Parcel = { to: Socket; due: number; chunk: Buffer | undefined };
const underWay: Parcel[] = [];
let turning = false;

function turn(): void {
  const now = performance.now();
  while (underWay[0] && underWay[0].due <= now) {
    const { to, chunk } = underWay.shift()!;
    if (chunk) to.write(chunk);
    else to.end();
  }
  turning = underWay.length > 0;
  if (turning) setImmediate(turn);
}

function forward(from: Socket, to: Socket): void {
  const send = (chunk?: Buffer) => {
    underWay.push({ to, due: performance.now() + delayMs, chunk });
    if (turning) return;
    turning = true;
    setImmediate(turn);
  };
  from.setNoDelay(true);
  from.on("data", send);
  from.on("end", () => send());
  from.on("error", () => to.destroy());
}

const server = createServer((client) => {
  const upstream = connect(port, "127.0.0.1");
  forward(client, upstream);
  forward(upstream, client);
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${(server.address() as { port: number }).port}\n`);
});
