import { ChunkReader } from "./chunk-reader.ts";
import { UpstreamFailure } from "./failures.ts";
import { parseResponseHead, type ResponseHead } from "./response-head.ts";

/** What a response turns out to be, piece by piece. */
export type ResponseSink = {
  /** An interim response (1xx). */
  onInterim(head: ResponseHead): void;
  onHead(head: ResponseHead): void;
  /** A piece of the body, valid during the call alone. `whole`: it is all of it, and the response ends with it. */
  onBody(piece: Buffer, whole: boolean): void;
  onEnd(trailers: [string, string][]): void;
};

const maxHeadBytes = 64 * 1024;
const endOfHead = Buffer.from("\r\n\r\n");

/** Reads one response after another out of the bytes of a connection, however these are cut. */
export class ResponseReader {
  readonly #sink: ResponseSink;
  readonly #chunks: ChunkReader;
  #state: "idle" | "head" | "length" | "chunked" | "close" | "upgraded" = "idle";
  #method = "";
  #upgrade = false;
  #partialHead: Buffer | undefined;
  #remaining = 0;
  /** The body is there already, as a whole. */
  #whole = false;

  constructor(sink: ResponseSink) {
    this.#sink = sink;
    this.#chunks = new ChunkReader((piece) => sink.onBody(piece, false));
  }

  /** A request was sent: what comes next is its response. */
  expect(method: string, upgrade: boolean): void {
    this.#state = "head";
    this.#method = method;
    this.#upgrade = upgrade;
  }

  /** Whether the response is complete, or none is awaited. */
  get idle(): boolean {
    return this.#state === "idle";
  }

  get upgraded(): boolean {
    return this.#state === "upgraded";
  }

  /**
   * Takes what arrived. Returns how many bytes of it belong to the response; the others came unasked for, or belong to
   * the protocol that the connection was upgraded to. Throws `UpstreamFailure` for what is no response.
   */
  read(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length) {
      switch (this.#state) {
        case "head":
          at = this.#readHead(bytes, at);
          break;
        case "length":
          at = this.#readLength(bytes, at);
          break;
        case "chunked":
          at = this.#chunks.read(bytes, at);
          if (this.#chunks.trailers !== undefined) this.#end(this.#chunks.trailers);
          break;
        case "close":
          this.#sink.onBody(at === 0 ? bytes : bytes.subarray(at), false);
          return bytes.length;
        default:
          return at;
      }
    }
    return at;
  }

  /** The other side closed in an orderly way. True when that is how the response was to end. */
  finish(): boolean {
    if (this.#state !== "close") return false;
    this.#end([]);
    return true;
  }

  #readHead(bytes: Buffer, at: number): number {
    const before = this.#partialHead?.length ?? 0;
    const fresh = at === 0 ? bytes : bytes.subarray(at);
    const data = this.#partialHead === undefined ? fresh : Buffer.concat([this.#partialHead, fresh]);
    const end = data.indexOf(endOfHead, Math.max(0, before - 3));
    if (end > maxHeadBytes || (end === -1 && data.length > maxHeadBytes)) {
      throw new UpstreamFailure("broken_answer");
    }
    if (end === -1) {
      this.#partialHead = this.#partialHead === undefined ? Buffer.from(fresh) : data;
      return bytes.length;
    }
    this.#partialHead = undefined;
    const next = at + end + endOfHead.length - before;
    this.#begin(parseResponseHead(data.toString("latin1", 0, end + 2), this.#method), bytes.length - next);
    return next;
  }

  #begin(head: ResponseHead, following: number): void {
    if (head.status === 101) {
      if (!this.#upgrade) throw new UpstreamFailure("broken_answer");
      this.#state = "upgraded";
      this.#sink.onHead(head);
      return;
    }
    if (head.status < 200) {
      this.#sink.onInterim(head);
      return;
    }
    this.#sink.onHead(head);
    if (head.framing === "none" || (head.framing === "length" && head.length === 0)) {
      this.#end([]);
      return;
    }
    this.#state = head.framing;
    this.#remaining = head.length;
    if (head.framing === "chunked") this.#chunks.reset();
    else if (head.framing === "length" && following >= head.length) this.#whole = true;
  }

  #readLength(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#remaining);
    this.#remaining -= end - at;
    const whole = this.#whole;
    this.#whole = false;
    this.#sink.onBody(bytes.subarray(at, end), whole);
    if (this.#remaining === 0) this.#end([]);
    return end;
  }

  #end(trailers: [string, string][]): void {
    this.#state = "idle";
    this.#sink.onEnd(trailers);
  }
}
