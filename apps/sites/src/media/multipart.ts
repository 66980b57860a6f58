import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { Busboy, type BusboyHeaders, type BusboyInstance } from "@fastify/busboy";

export type Part =
  | { kind: "field"; name: string; value: string }
  | { kind: "file"; name: string; fileName: string; stream: Readable }
  /** More files came than are taken at once; the others are left out. */
  | { kind: "too-many-files" };

/** What was sent is no form with files, or breaks off. */
export class FormUnreadable extends Error {
  constructor(cause: unknown) {
    super("The form can't be read.", { cause });
    this.name = "FormUnreadable";
  }
}

export const maxFilesAtOnce = 20;
const limits = { files: maxFilesAtOnce, fields: 10, fieldSize: 1_000, fieldNameSize: 100, headerPairs: 20 };

/**
 * The fields and files of a form in the order they come. A file is read, or dropped by asking for the next part, before
 * the next one arrives: nothing is kept in memory. Throws `FormUnreadable`, also into a file that is being read.
 */
export async function* readMultipart(request: Request): AsyncGenerator<Part> {
  const parser = openParser(request);
  const source = Readable.fromWeb((request.body ?? new Blob([]).stream()) as ReadableStream);
  const waiting: Part[] = [];
  let current: Readable | undefined;
  let over = false;
  let failure: FormUnreadable | undefined;
  let wake = Promise.withResolvers<void>();
  const arrived = (part: Part): void => {
    waiting.push(part);
    wake.resolve();
  };
  parser.on("field", (name, value) => arrived({ kind: "field", name, value }));
  parser.on("filesLimit", () => arrived({ kind: "too-many-files" }));
  parser.on("file", (name, stream, fileName) => {
    current = stream;
    // Told to whoever reads it; when nobody does, `failure` tells.
    stream.on("error", () => undefined);
    arrived({ kind: "file", name, fileName: fileName ?? "", stream });
  });
  const parsing = pipeline(source, parser)
    .catch((error: unknown) => {
      failure = new FormUnreadable(error);
      current?.destroy(failure);
    })
    .finally(() => {
      over = true;
      wake.resolve();
    });
  try {
    for (;;) {
      for (let part = waiting.shift(); part; part = waiting.shift()) {
        yield part;
        if (part.kind === "file") part.stream.resume();
      }
      if (failure) throw failure;
      if (over) return;
      await wake.promise;
      wake = Promise.withResolvers<void>();
    }
  } finally {
    source.destroy();
    await parsing;
  }
}

function openParser(request: Request): BusboyInstance {
  const headers = { "content-type": request.headers.get("content-type") ?? "" } as BusboyHeaders;
  try {
    return new Busboy({ headers, limits });
  } catch (error) {
    throw new FormUnreadable(error);
  }
}
