import type { ServerResponse } from "node:http";
import { waitUntil } from "./wait-until.ts";

/** An answer of `total` bytes, written as fast as they are taken. */
export function largeAnswer(total: number) {
  let written = 0;
  let lastWrittenAt = 0;
  return {
    send(response: ServerResponse): void {
      const piece = Buffer.alloc(256 * 1024);
      const write = (): void => {
        lastWrittenAt = performance.now();
        while (written < total) {
          written += piece.length;
          if (!response.write(piece)) {
            response.once("drain", write);
            return;
          }
        }
        response.end();
      };
      response.writeHead(200, { "Content-Length": total });
      write();
    },
    /** Waits until no more of it is taken, and answers how much was. */
    async heldBackAt(): Promise<number> {
      await waitUntil(
        "the application is held back",
        () => written > 0 && performance.now() - lastWrittenAt > 300,
      );
      return written;
    },
  };
}
