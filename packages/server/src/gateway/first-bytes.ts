import type { Socket } from "node:net";

export type FirstBytes = {
  /**
   * Looks at what a new connection says first, until `judge` knows what to make of it; it is asked about all that has
   * come so far. `take` then gets the connection, paused, with nothing read from it.
   */
  read<Judgement extends {}>(
    socket: Socket,
    judge: (bytes: Buffer) => Judgement | undefined,
    take: (judgement: Judgement) => void,
  ): void;
  /** Closes the connections that haven't said enough yet. */
  close(): void;
};

/** A connection that doesn't say enough for `deadlineMs`, or leaves before, is closed. */
export function createFirstBytes(deadlineMs: number): FirstBytes {
  const silent = new Set<Socket>();

  return {
    read(socket, judge, take) {
      let seen: Buffer | undefined;
      const close = (): void => void socket.destroy();
      const timer = setTimeout(close, deadlineMs);

      function forget(): void {
        clearTimeout(timer);
        silent.delete(socket);
      }
      function look(bytes: Buffer): void {
        seen = seen === undefined ? bytes : Buffer.concat([seen, bytes]);
        const judgement = judge(seen);
        if (judgement === undefined) return;
        forget();
        socket.off("data", look).off("end", close).off("error", close).off("close", forget);
        socket.pause();
        socket.unshift(seen);
        take(judgement);
      }

      silent.add(socket);
      socket.on("data", look).on("end", close).on("error", close).on("close", forget);
    },
    close() {
      for (const socket of silent) socket.destroy();
    },
  };
}

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Which HTTP the bytes begin: the preface (RFC 9113 §3.4) is no request of HTTP/1.1. Undefined while it can't be told. */
export function httpVersionOf(bytes: Buffer): 1 | 2 | undefined {
  const length = Math.min(bytes.length, preface.length);
  if (bytes.compare(preface, 0, length, 0, length) !== 0) return 1;
  return length === preface.length ? 2 : undefined;
}
