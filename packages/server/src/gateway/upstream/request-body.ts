import type { Readable } from "node:stream";

export type BodySink = {
  onPiece(piece: Buffer): void;
  onComplete(): void;
};

/**
 * The body of a client's request on its way to the upstream. Counts what comes by: `tooLarge` is called once, when it
 * is more than `limit` bytes. When the upstream needs no more of it, the rest is read and dropped, so that the client
 * can still read the answer.
 */
export class RequestBody {
  readonly #request: Readable & { readonly aborted?: boolean };
  readonly #limit: number;
  readonly #tooLarge: () => void;
  #sink: BodySink | undefined;
  #started = false;
  received = 0;

  constructor(request: Readable, limit: number, tooLarge: () => void) {
    this.#request = request;
    this.#limit = limit;
    this.#tooLarge = tooLarge;
  }

  /** Whether anything was read: until then the request can be sent elsewhere. */
  get started(): boolean {
    return this.#started;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#started = true;
    this.#request.on("data", (piece: Buffer) => this.#take(piece));
    this.#request.on("end", () => {
      // A stream of HTTP/2 ends in the same way when its client takes it back.
      if (this.received <= this.#limit && !this.#request.aborted) this.#sink?.onComplete();
    });
  }

  pause(): void {
    if (this.#sink) this.#request.pause();
  }

  resume(): void {
    this.#request.resume();
  }

  /** Reads on, for nobody. */
  discard(): void {
    this.#sink = undefined;
    this.#request.resume();
  }

  #take(piece: Buffer): void {
    const before = this.received;
    this.received += piece.length;
    if (this.received <= this.#limit) this.#sink?.onPiece(piece);
    else if (before <= this.#limit) this.#tooLarge();
  }
}
