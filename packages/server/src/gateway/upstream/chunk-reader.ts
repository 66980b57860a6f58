import { UpstreamFailure } from "./failures.ts";
import { parseTrailers } from "./response-head.ts";

const maxExtensionBytes = 1_024;
const maxTrailerBytes = 16 * 1024;
/** 13 hexadecimal digits stay below 2^53. */
const maxSizeDigits = 13;

const carriageReturn = 13;
const lineFeed = 10;
const semicolon = 59;

type State = "size" | "extension" | "size-end" | "data" | "data-cr" | "data-lf" | "trailers" | "done";

/** Decodes a chunked body (RFC 9112 §7.1), strictly: every line ends with CRLF, sizes are hexadecimal digits alone. */
export class ChunkReader {
  readonly #onData: (piece: Buffer) => void;
  #state: State = "size";
  #size = 0;
  #digits = 0;
  #extensionBytes = 0;
  #trailerText = "";
  /** Set when the body is complete. */
  trailers: [string, string][] | undefined;

  constructor(onData: (piece: Buffer) => void) {
    this.#onData = onData;
  }

  reset(): void {
    this.#state = "size";
    this.#size = 0;
    this.#digits = 0;
    this.#extensionBytes = 0;
    this.#trailerText = "";
    this.trailers = undefined;
  }

  /** Takes bytes from `at`; returns where it stopped, which is before the end only when the body is complete. */
  read(bytes: Buffer, at: number): number {
    let next = at;
    while (next < bytes.length && this.#state !== "done") {
      if (this.#state === "data") next = this.#readData(bytes, next);
      else if (this.#state === "trailers") next = this.#readTrailers(bytes, next);
      else {
        this.#step(bytes[next]!);
        next += 1;
      }
    }
    return next;
  }

  #readData(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#size);
    this.#size -= end - at;
    this.#onData(bytes.subarray(at, end));
    if (this.#size === 0) this.#state = "data-cr";
    return end;
  }

  #step(byte: number): void {
    switch (this.#state) {
      case "size":
        this.#readSize(byte);
        break;
      case "extension":
        this.#extensionBytes += 1;
        if (byte === carriageReturn) this.#state = "size-end";
        else if (byte === lineFeed || this.#extensionBytes > maxExtensionBytes) refuse();
        break;
      case "size-end":
        if (byte !== lineFeed) refuse();
        this.#state = this.#size === 0 ? "trailers" : "data";
        break;
      case "data-cr":
        if (byte !== carriageReturn) refuse();
        this.#state = "data-lf";
        break;
      default:
        if (byte !== lineFeed) refuse();
        this.#state = "size";
        this.#digits = 0;
        this.#extensionBytes = 0;
    }
  }

  #readSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#digits += 1;
      if (this.#digits > maxSizeDigits) refuse();
      this.#size = this.#size * 16 + digit;
    } else if (this.#digits === 0) refuse();
    else if (byte === semicolon) this.#state = "extension";
    else if (byte === carriageReturn) this.#state = "size-end";
    else refuse();
  }

  #readTrailers(bytes: Buffer, at: number): number {
    const before = this.#trailerText.length;
    const text = this.#trailerText + bytes.toString("latin1", at, at + maxTrailerBytes);
    const end = text.startsWith("\r\n") ? 2 : text.indexOf("\r\n\r\n") + 4;
    if (end >= 4 || text.startsWith("\r\n")) {
      this.trailers = parseTrailers(text.slice(0, end - 2));
      this.#state = "done";
      return at + end - before;
    }
    if (text.length >= maxTrailerBytes) refuse();
    this.#trailerText = text;
    return bytes.length;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  if (byte >= 97 && byte <= 102) return byte - 87;
  if (byte >= 65 && byte <= 70) return byte - 55;
  return -1;
}

function refuse(): never {
  throw new UpstreamFailure("broken_answer");
}
