import type { Socket } from "node:net";

export type FirstBytes = {
  /**
   * Looks at what a new connection says first, until `judge` knows what to make of it; it is asked about all that has
   * come so far. `take` then gets the connection and these bytes, which nobody has taken note of yet.
   */
  read<Judgement extends {}>(
    socket: Socket,
    judge: (bytes: Buffer) => Judgement | undefined,
    take: (judgement: Judgement, bytes: Buffer) => void,
  ): void;
  /** Closes the connections that haven't said enough yet. */
  close(): void;
};

/** A connection that doesn't say enough for `deadlineMs`, or leaves before, is closed. */
export function createFirstBytes(deadlineMs: number): FirstBytes {
  /** Until when each may be silent, as `performance.now()`; who came first stands first. */
  const silent = new Map<Socket, number>();
  let sweeper: NodeJS.Timeout | undefined;

  function sweep(): void {
    const now = performance.now();
    for (const [socket, deadline] of silent) {
      if (deadline > now) break;
      socket.destroy();
    }
    if (silent.size > 0) return;
    clearInterval(sweeper);
    sweeper = undefined;
  }

  return {
    read(socket, judge, take) {
      let seen: Buffer | undefined;

      function look(bytes: Buffer): void {
        seen = seen === undefined ? bytes : Buffer.concat([seen, bytes]);
        const judgement = judge(seen);
        if (judgement === undefined) return;
        silent.delete(socket);
        socket.off("data", look).off("end", close).off("error", close).off("close", forget);
        take(judgement, seen);
      }
      function close(): void {
        socket.destroy();
      }
      function forget(): void {
        silent.delete(socket);
      }

      silent.set(socket, performance.now() + deadlineMs);
      sweeper ??= setInterval(sweep, Math.min(deadlineMs / 4, 1_000)).unref();
      socket.on("data", look).on("end", close).on("error", close).on("close", forget);
    },
    close() {
      for (const socket of silent.keys()) socket.destroy();
    },
  };
}

/** Gives the bytes back, for somebody else to read them first. */
export function putBack(socket: Socket, bytes: Buffer): void {
  socket.pause();
  socket.unshift(bytes);
}

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Which HTTP the bytes begin: the preface (RFC 9113 §3.4) is no request of HTTP/1.1. Undefined while it can't be told. */
export function httpVersionOf(bytes: Buffer): 1 | 2 | undefined {
  const length = Math.min(bytes.length, preface.length);
  if (bytes.compare(preface, 0, length, 0, length) !== 0) return 1;
  return length === preface.length ? 2 : undefined;
}
