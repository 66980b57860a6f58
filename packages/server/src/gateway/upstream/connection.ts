import type { Socket } from "node:net";
import { type ConnectionTarget, dial } from "./dial.ts";
import { UpstreamFailure } from "./failures.ts";
import type { RequestBody } from "./request-body.ts";
import type { ResponseHead } from "./response-head.ts";
import { ResponseReader, type ResponseSink } from "./response-reader.ts";

/** A request to an upstream, and who takes the answer. */
export type UpstreamRequest = {
  readonly method: string;
  /** Everything from the request line to the empty line. */
  readonly head: string;
  readonly body: RequestBody | undefined;
  /** The body goes out in chunks; otherwise its length stands in the head. */
  readonly chunked: boolean;
  readonly upgrade: boolean;
  /** Whose it is: environments share an upstream's connections. */
  readonly environmentId: string;
  readonly handler: ResponseHandler;
  /** The connection it is on, once there is one. */
  carrier?: UpstreamConnection;
};

export type ResponseHandler = ResponseSink & {
  /** All that has arrived so far was handed over, and there is more to come. */
  onPause(): void;
  onUpgrade(head: ResponseHead, socket: Socket): void;
  /** `sent`: the upstream may have seen the request. `reused`: on a connection that served another one before. */
  onFailure(failure: UpstreamFailure, sent: boolean, reused: boolean): void;
};

export type ConnectionTimes = {
  connectMs: number;
  /** For the answer to begin. */
  headMs: number;
  /** Between two pieces of the answer. */
  pauseMs: number;
  /** For whoever takes the answer to take more of it. */
  unreadMs: number;
};

export type ConnectionOwner = {
  readonly target: ConnectionTarget;
  readonly times: ConnectionTimes;
  /** The exchange on it is over, well or badly. */
  onSettled(request: UpstreamRequest): void;
  /** It can serve another request. */
  onReusable(connection: UpstreamConnection): void;
  onClosed(connection: UpstreamConnection): void;
};

/** Idle connections are closed before the upstream does it, and after this long when it doesn't say. */
const idleMs = { unsaid: 4_000, margin: 1_000, most: 60_000 };

/**
 * One HTTP/1.1 connection to an upstream, one request at a time. It counts as reusable only after an answer whose end
 * was beyond doubt and with nothing behind it.
 */
export class UpstreamConnection implements ResponseSink {
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #reader = new ResponseReader(this);
  #request: UpstreamRequest | undefined;
  #connected = false;
  #served = 0;
  #sentWhole = false;
  #answering = false;
  #paused = false;
  #head: ResponseHead | undefined;
  #failure: UpstreamFailure | undefined;
  /** As `performance.now()`: who owns it calls `expire` when it is past. */
  deadline: number;

  /** Dials at once. `plain` leaves the socket fit to be handed on after an upgrade. */
  constructor(owner: ConnectionOwner, plain: boolean) {
    this.#owner = owner;
    this.deadline = performance.now() + owner.times.connectMs;
    this.#socket = dial(owner.target, plain ? undefined : (bytes) => this.#received(bytes));
    this.#socket.once(owner.target.secure ? "secureConnect" : "connect", () => this.#onConnected());
    if (plain) this.#socket.on("data", (bytes: Buffer) => this.#received(bytes));
    this.#socket.on("drain", () => this.#onDrain());
    this.#socket.on("end", () => this.#reader.finish());
    this.#socket.on("error", (cause) => {
      this.#failure ??= new UpstreamFailure(this.#connected ? "closed" : "unreached", { cause });
    });
    this.#socket.on("close", () => this.#onClosed());
  }

  /** Sends a request, once there is a connection. Only for a connection that is new or reusable. */
  send(request: UpstreamRequest): void {
    this.#request = request;
    request.carrier = this;
    this.#sentWhole = false;
    this.#answering = false;
    this.#reader.expect(request.method, request.upgrade);
    if (this.#connected) this.#write(request);
  }

  /** Stops reading the answer to `request` until `resume`. */
  pause(request: UpstreamRequest): void {
    if (this.#request !== request) return;
    this.#paused = true;
    this.#await(this.#owner.times.unreadMs);
    this.#socket.pause();
  }

  resume(request: UpstreamRequest): void {
    if (this.#request === request) this.#unpause();
  }

  /** Gives up the request that it is on; its handler isn't told. */
  abort(request: UpstreamRequest): void {
    if (this.#request === request) this.destroy();
  }

  /** Ends it, whatever it is doing; nobody is told. */
  destroy(): void {
    this.#settle();
    this.#socket.destroy();
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  /** Its time is over. */
  expire(): void {
    if (this.#request === undefined) this.#socket.destroy();
    else if (!this.#connected) this.#fail(new UpstreamFailure("unreached", { cause: new Error("timeout") }));
    else this.#fail(new UpstreamFailure(this.#answering ? "stalled" : "slow_answer"));
  }

  onInterim(head: ResponseHead): void {
    this.#request?.handler.onInterim(head);
  }

  onHead(head: ResponseHead): void {
    this.#answering = true;
    this.#head = head;
    if (head.status !== 101) this.#request?.handler.onHead(head);
  }

  onBody(piece: Buffer, whole: boolean): void {
    this.#request?.handler.onBody(piece, whole);
  }

  onEnd(trailers: [string, string][]): void {
    const request = this.#settle();
    request?.handler.onEnd(trailers);
  }

  #unpause(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#await(this.#owner.times.pauseMs);
    this.#socket.resume();
  }

  #onConnected(): void {
    this.#connected = true;
    this.deadline = Number.POSITIVE_INFINITY;
    if (this.#request) this.#write(this.#request);
  }

  #write(request: UpstreamRequest): void {
    const { body, chunked } = request;
    if (body === undefined) {
      this.#socket.write(request.head, "latin1");
      this.#onSentWhole();
      return;
    }
    // The head and what there is of the body already leave together.
    this.#socket.cork();
    this.#socket.write(request.head, "latin1");
    this.deadline = Number.POSITIVE_INFINITY;
    body.start({
      onPiece: (piece) => this.#writePiece(body, piece, chunked),
      onComplete: () => {
        if (chunked) this.#socket.write("0\r\n\r\n", "latin1");
        this.#onSentWhole();
      },
    });
    process.nextTick(() => this.#socket.uncork());
  }

  #writePiece(body: RequestBody, piece: Buffer, chunked: boolean): void {
    if (!chunked) {
      if (!this.#socket.write(piece)) this.#awaitDrain(body);
      return;
    }
    this.#socket.cork();
    this.#socket.write(`${piece.length.toString(16)}\r\n`, "latin1");
    this.#socket.write(piece);
    if (!this.#socket.write("\r\n", "latin1")) this.#awaitDrain(body);
    this.#socket.uncork();
  }

  #awaitDrain(body: RequestBody): void {
    body.pause();
    if (!this.#answering) this.#await(this.#owner.times.headMs);
  }

  #onDrain(): void {
    if (!this.#request?.body || this.#sentWhole) return;
    if (!this.#answering) this.deadline = Number.POSITIVE_INFINITY;
    this.#request.body.resume();
  }

  #onSentWhole(): void {
    this.#sentWhole = true;
    if (!this.#answering) this.#await(this.#owner.times.headMs);
  }

  #await(milliseconds: number): void {
    this.deadline = performance.now() + milliseconds;
  }

  /** False stops the reading. */
  #received(bytes: Buffer): boolean {
    const request = this.#request;
    if (request === undefined) {
      // Nobody asked: what it belongs to can't be told, so nothing on this connection can be believed any more.
      this.#socket.destroy();
      return false;
    }
    let taken: number;
    try {
      taken = this.#reader.read(bytes);
    } catch (error) {
      this.#fail(
        error instanceof UpstreamFailure ? error : new UpstreamFailure("broken_answer", { cause: error }),
      );
      return false;
    }
    if (this.#reader.upgraded) this.#handOver(request, bytes.subarray(taken));
    else if (this.#reader.idle) this.#onAnswered(taken === bytes.length);
    else {
      if (!this.#paused && this.#answering) this.#await(this.#owner.times.pauseMs);
      request.handler.onPause();
    }
    return !this.#paused;
  }

  #onAnswered(clean: boolean): void {
    this.#served += 1;
    // Whoever takes the answer may have asked for a pause in the very piece that ended it.
    this.#unpause();
    const { keepAlive, idleSeconds } = this.#head!;
    if (!clean || !keepAlive || !this.#sentWhole || this.#socket.destroyed) {
      this.#socket.destroy();
      return;
    }
    const said = idleSeconds === undefined ? idleMs.unsaid : idleSeconds * 1_000 - idleMs.margin;
    this.#await(Math.min(said, idleMs.most));
    this.#owner.onReusable(this);
  }

  #handOver(request: UpstreamRequest, rest: Buffer): void {
    this.#settle();
    this.deadline = Number.POSITIVE_INFINITY;
    this.#socket.removeAllListeners("data").removeAllListeners("end").removeAllListeners("drain");
    this.#socket.pause();
    if (rest.length > 0) this.#socket.unshift(Buffer.from(rest));
    request.handler.onUpgrade(this.#head!, this.#socket);
  }

  #fail(failure: UpstreamFailure): void {
    const reused = this.#served > 0;
    const sent = this.#connected;
    const request = this.#settle();
    this.#socket.destroy();
    request?.handler.onFailure(failure, sent, reused);
  }

  #onClosed(): void {
    if (this.#request) this.#fail(this.#failure ?? new UpstreamFailure("closed"));
    this.#owner.onClosed(this);
  }

  /** Lets go of the request: its fate is sealed. */
  #settle(): UpstreamRequest | undefined {
    const request = this.#request;
    if (request === undefined) return undefined;
    this.#request = undefined;
    if (request.body?.started && !this.#sentWhole) request.body.discard();
    this.#owner.onSettled(request);
    return request;
  }
}
