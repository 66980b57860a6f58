import type { Readable } from "node:stream";

export type SplitStream = {
  head: Uint8Array;
  /** The head and what follows it; to be read once. */
  whole: AsyncIterable<Uint8Array>;
  /** Stops reading. What wasn't read stays in the stream, for whoever has it to drop. Repeatable. */
  release(): Promise<void>;
};

/** Reads a stream's first bytes: at least `bytes`, unless it is shorter. */
export async function splitHead(stream: Readable, bytes: number): Promise<SplitStream> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // The form that a file is a part of goes on after it: its stream stays open when we stop half-way.
  const rest: AsyncIterator<Uint8Array> = stream.iterator({ destroyOnReturn: false });
  while (length < bytes) {
    const next = await rest.next();
    if (next.done) break;
    chunks.push(next.value);
    length += next.value.length;
  }
  const head = Buffer.concat(chunks);
  return {
    head,
    whole: joined(head, rest),
    async release() {
      await rest.return?.();
    },
  };
}

async function* joined(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}
