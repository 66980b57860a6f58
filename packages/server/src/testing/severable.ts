import { connect, createServer, type Socket } from "node:net";

export type Severable = {
  /** The server's URL, by a way that can be cut. */
  url: string;
  /** Cuts every connection and refuses new ones, as when the server is away. */
  sever(): Promise<void>;
  restore(): Promise<void>;
  close(): Promise<void>;
};

/** A way to a server that a test can cut and mend. */
export async function severableTo(target: string): Promise<Severable> {
  const to = new URL(target);
  const sockets = new Set<Socket>();
  const server = createServer((inner) => {
    const outer = connect(Number(to.port), to.hostname);
    for (const socket of [inner, outer]) {
      sockets.add(socket);
      // Cut on purpose, from either side.
      socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    }
    inner.pipe(outer).pipe(inner);
  });
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(port, "127.0.0.1", () => resolve());
    });
  await listen(0);
  const { port } = server.address() as { port: number };
  const url = Object.assign(new URL(target), { port: String(port) }).href;
  async function sever(): Promise<void> {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  }
  const restore = async () => {
    if (!server.listening) await listen(port);
  };
  return { url, sever, restore, close: sever };
}
