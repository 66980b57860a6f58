import { describe, expect, it } from "vitest";
import { readEvents } from "./event-stream.ts";

async function* inPieces(text: string, size: number) {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const stream =
  ': a comment\n\nid: 1\nevent: operation\ndata: {"name":\ndata: "Zoë"}\n\nretry: 5\r\ndata:{"n":2}\r\n\r\ndata: {"cut';

describe("a stream of events", () => {
  it.each([1, 2, 3, 7, 1000])("is read whole in pieces of %i bytes", async (size) => {
    expect(await Array.fromAsync(readEvents(inPieces(stream, size)))).toEqual([
      { id: "1", data: { name: "Zoë" } },
      { id: "1", data: { n: 2 } },
    ]);
  });
});
