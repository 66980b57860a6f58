import { type IncomingHttpHeaders, request } from "node:http";

export type Reply = { status: number; headers: IncomingHttpHeaders; body: string };

export type Asking = {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
};

/**
 * Asks the gateway on 127.0.0.1 for a page of `hostname`. Node doesn't resolve `*.localhost`, so the address is dialled
 * and the host is named in the header. Redirects aren't followed.
 */
export function ask(port: number, hostname: string, path: string, asking: Asking = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: "127.0.0.1",
        port,
        path,
        method: asking.method ?? "GET",
        headers: { host: `${hostname}:${port}`, ...asking.headers },
        agent: false,
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.once("error", reject);
        incoming.once("end", () =>
          resolve({
            status: incoming.statusCode!,
            headers: incoming.headers,
            body: Buffer.concat(chunks).toString("utf8"),
          }),
        );
      },
    );
    outgoing.once("error", reject);
    outgoing.end(asking.body);
  });
}
