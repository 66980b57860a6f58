import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";

/** The answer to a request of HTTP/2, in the form that one of HTTP/1.1 has. */
export class Http2Response {
  readonly #stream: ServerHttp2Stream;
  readonly #isHead: boolean;
  #head: string[] | undefined;
  #hasLength = false;
  readonly #trailers: Record<string, string | string[]> = Object.create(null);
  statusCode = 200;
  /** When the last of the answer was handed over, as `performance.now()`. */
  endedAt: number | undefined;

  constructor(stream: ServerHttp2Stream, method: string) {
    this.#stream = stream;
    this.#isHead = method === "HEAD";
    // Clients may reset a stream at any time, and so does nghttp2 when they break the rules: "close" tells of it too.
    stream.on("error", () => undefined);
    // Node waits for the rest of a stream that was taken back without an error.
    stream.on("aborted", () => setImmediate(() => stream.destroy()));
  }

  get headersSent(): boolean {
    return this.#head !== undefined;
  }

  get writableEnded(): boolean {
    return this.endedAt !== undefined;
  }

  get writableFinished(): boolean {
    // The stream itself calls the answer to HEAD finished before it has begun.
    return this.endedAt !== undefined && this.#stream.writableFinished;
  }

  /** Takes the head; it leaves with the first piece, or by `flushHeaders`. */
  writeHead(status: number, headers: readonly string[]): this {
    this.statusCode = status;
    this.#head = [":status", String(status)];
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at]!.toLowerCase();
      if (name === "content-length") this.#hasLength = true;
      if (!ofConnection.has(name)) this.#head.push(name, headers[at + 1]!);
    }
    return this;
  }

  flushHeaders(): void {
    this.#begin(false);
  }

  /** False when the client doesn't take more for now: then "drain" tells when it does. `piece` must stay as it is. */
  write(piece: Buffer): boolean {
    this.#begin(false);
    return this.#stream.destroyed || this.#stream.writableEnded || this.#stream.write(piece);
  }

  end(content?: Buffer | string, encoding: BufferEncoding = "utf8"): this {
    this.endedAt = performance.now();
    const isEmpty = content === undefined || content.length === 0 || this.#isHead;
    this.#begin(isEmpty && Object.keys(this.#trailers).length === 0);
    if (this.#stream.destroyed || this.#stream.writableEnded) return this;
    if (isEmpty) this.#stream.end();
    else this.#stream.end(content, encoding);
    return this;
  }

  /** Sends a head after which bytes go both ways. */
  open(status: number, headers: readonly string[]): ServerHttp2Stream {
    this.writeHead(status, headers);
    if (!this.#stream.destroyed && !this.#stream.closed)
      this.#stream.respond(this.#head!, { endStream: false });
    return this.#stream;
  }

  addTrailers(trailers: readonly [string, string][]): void {
    for (const [name, value] of trailers) {
      const known = this.#trailers[name];
      if (!ofConnection.has(name.toLowerCase()))
        this.#trailers[name] = known === undefined ? value : [known, value].flat();
    }
  }

  writeContinue(): void {
    this.#interim({ ":status": 100 });
  }

  writeEarlyHints({ link }: { link: string[] }): void {
    this.#interim({ ":status": 103, link });
  }

  /** Ends the stream, so that the client sees that the rest is missing; its connection goes on. */
  destroy(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  on(event: "close" | "drain" | "finish", listener: () => void): this {
    this.#stream.on(event, listener);
    return this;
  }

  #begin(isWhole: boolean): void {
    const stream = this.#stream;
    if (stream.headersSent || stream.destroyed || stream.closed) return;
    // Whether there will be trailers is known at the end only; an answer of known length has none.
    const waitForTrailers = !isWhole && !this.#isHead && !this.#hasLength;
    if (waitForTrailers) stream.on("wantTrailers", () => this.#sendTrailers());
    stream.respond(this.#head!, { endStream: isWhole, waitForTrailers });
  }

  #sendTrailers(): void {
    const { destroyed, closed } = this.#stream;
    if (!destroyed && !closed) this.#stream.sendTrailers(this.#trailers);
  }

  #interim(headers: OutgoingHttpHeaders): void {
    const { destroyed, closed, headersSent } = this.#stream;
    if (!destroyed && !closed && !headersSent) this.#stream.additionalHeaders(headers);
  }
}

/** What RFC 9113 §8.2.2 forbids: HTTP/2 has no use for headers of one connection. */
const ofConnection = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);
