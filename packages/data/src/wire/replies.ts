import type { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import type pg from "pg";

/** Reads the answer to one message. */
export type ReplyReader = {
  /** Takes what it knows from the beginning of `bytes`, which begins with a message; answers how many bytes that were. */
  read(bytes: Buffer): number;
  /** The transaction's state, once the server is ready for the next message: nothing after that was taken. */
  readonly status: string | undefined;
};

/** What the server sends on one connection. */
export type Replies = {
  /** The next answer is this one's, until it leaves something to pg, whose all the rest is then. */
  expect(reader: ReplyReader): void;
};

// What pg's types leave out.
type ClientInside = { connection: EventEmitter & { stream: Duplex } };

/**
 * Puts itself between a client that is connected and its line. pg makes an object of each message and looks for who listens
 * to it, which takes longer than to read an ordinary answer at one go; all else is still pg's to read.
 */
export function divertReplies(client: pg.Client): Replies {
  const { connection } = client as unknown as ClientInside;
  const { stream } = connection;
  const [leaveToPg] = stream.listeners("data") as ((bytes: Buffer) => void)[];
  const left = new Frames();
  let reader: ReplyReader | undefined;

  /** How much of it was read here. */
  function divert(bytes: Buffer): number {
    // Who began with a message ends with it, too.
    if (!reader || !left.areWhole) return 0;
    const current = reader;
    const length = current.read(bytes);
    const { status } = current;
    if (status !== undefined || length < bytes.length) reader = undefined;
    // pg then sends what waits, and its reader takes the place of this one.
    if (status !== undefined) connection.emit("readyForQuery", { status });
    return length;
  }

  stream.off("data", leaveToPg!);
  stream.on("data", (bytes: Buffer) => {
    const length = divert(bytes);
    if (length === bytes.length) return;
    const rest = bytes.subarray(length);
    left.follow(rest);
    leaveToPg!(rest);
  });
  return {
    expect(next) {
      reader = next;
    },
  };
}

/** Follows messages through pieces that may end anywhere. */
class Frames {
  /** Of the message's code and length. */
  #headerBytes = 0;
  #length = 0;
  #bytesToCome = 0;

  get areWhole(): boolean {
    return this.#headerBytes === 0 && this.#bytesToCome === 0;
  }

  follow(piece: Buffer): void {
    for (let at = 0; at < piece.length; ) {
      if (this.#bytesToCome > 0) {
        const step = Math.min(this.#bytesToCome, piece.length - at);
        this.#bytesToCome -= step;
        at += step;
        continue;
      }
      if (this.#headerBytes > 0) this.#length = this.#length * 256 + piece[at]!;
      this.#headerBytes += 1;
      at += 1;
      if (this.#headerBytes < 5) continue;
      this.#bytesToCome = this.#length - 4;
      this.#headerBytes = 0;
      this.#length = 0;
    }
  }
}
