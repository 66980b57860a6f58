import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";

/**
 * A request's body as undici reads it. Not the request itself, since undici destroys what it reads when an upstream
 * answers early, and destroying the request cuts the client off before it has read that answer. Here the rest is
 * read and dropped instead. Counts what comes by: `tooLarge` is called once, when it is more than `limit` bytes.
 */
export class RequestBody extends EventEmitter {
  readonly #request: IncomingMessage;
  readonly #limit: number;
  readonly #tooLarge: () => void;
  #received = 0;
  #attached = false;
  destroyed = false;

  constructor(request: IncomingMessage, limit: number, tooLarge: () => void) {
    super();
    this.#request = request;
    this.#limit = limit;
    this.#tooLarge = tooLarge;
  }

  get received(): number {
    return this.#received;
  }

  /** Nothing is read before undici asks, so that a request which was never sent can be sent elsewhere. */
  resume(): this {
    if (!this.#attached) this.#attach();
    this.#request.resume();
    return this;
  }

  pause(): this {
    if (!this.destroyed) this.#request.pause();
    return this;
  }

  destroy(): this {
    this.destroyed = true;
    if (this.#attached) this.#request.resume();
    return this;
  }

  /** What undici knows a stream by; it reads through events. */
  pipe(): never {
    throw new Error("A request's body is read through its events.");
  }

  #attach(): void {
    this.#attached = true;
    this.#request.on("data", (chunk: Buffer) => {
      const before = this.#received;
      this.#received += chunk.length;
      if (this.#received > this.#limit) {
        if (before <= this.#limit) this.#tooLarge();
      } else if (!this.destroyed) this.emit("data", chunk);
    });
    this.#request.on("end", () => {
      if (!this.destroyed && this.#received <= this.#limit) this.emit("end");
    });
  }
}
