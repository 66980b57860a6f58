import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type SecureClientSessionOptions,
} from "node:http2";

export type Http2Answer = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  trailers: Record<string, unknown> | undefined;
  /** The statuses of the answers before the answer. */
  interim: number[];
  /** 0 when the stream ended as it should. */
  resetCode: number;
};

export type Http2Client = {
  session: ClientHttp2Session;
  /** A request for acme.localhost, unless the headers say otherwise; its body stays open when `open` is set. */
  start(headers?: Record<string, string | string[]>, open?: boolean): ClientHttp2Stream;
  /** Sends a request and waits for all of its answer. */
  ask(headers?: Record<string, string | string[]>, body?: string | Buffer): Promise<Http2Answer>;
  closed: Promise<void>;
  close(): Promise<void>;
};

/** A client of HTTP/2, with prior knowledge when the port is a plain one. */
export function http2Client(port: number, options?: SecureClientSessionOptions): Http2Client {
  const scheme = options === undefined ? "http" : "https";
  const session = connect(`${scheme}://127.0.0.1:${port}`, options);
  session.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => session.once("close", () => resolve()));

  function start(headers: Record<string, string | string[]> = {}, open = false): ClientHttp2Stream {
    const stream = session.request(
      { ":authority": "acme.localhost", ":scheme": scheme, ...headers },
      { endStream: !open },
    );
    stream.on("error", () => undefined);
    return stream;
  }

  return {
    session,
    start,
    async ask(headers, body) {
      const stream = start(headers, body !== undefined);
      if (body !== undefined) stream.end(body);
      return answerOf(stream);
    },
    closed,
    async close() {
      session.destroy();
      await closed;
    },
  };
}

/** All that is answered on a stream, until it is over. */
export function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  const answer: Http2Answer = {
    status: 0,
    headers: {},
    body: Buffer.alloc(0),
    trailers: undefined,
    interim: [],
    resetCode: 0,
  };
  const pieces: Buffer[] = [];
  stream.on("headers", (headers) => answer.interim.push(Number(headers[":status"])));
  stream.on("response", (headers) => {
    answer.status = Number(headers[":status"]);
    answer.headers = headers;
  });
  stream.on("trailers", (trailers) => {
    answer.trailers = trailers;
  });
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  return new Promise((resolve) => {
    stream.on("close", () =>
      resolve({ ...answer, body: Buffer.concat(pieces), resetCode: stream.rstCode ?? 0 }),
    );
  });
}
