import { Readable } from "node:stream";
import { StorageUnavailable } from "../../errors.ts";
import type { ContentCheck } from "./content-check.ts";

/** So long may a body that somebody waits for say nothing. */
const silenceMs = 30_000;

/**
 * A store's body for the application: it fails in the data path's words, when nothing comes although somebody waits, and at
 * its end when it isn't what the store says it is. A reader who takes his time is no silence. Destroying it ends the request.
 */
export function watched(
  body: Readable,
  { translate, check }: { translate: (error: unknown) => Error; check: ContentCheck | undefined },
): Readable {
  let timer: NodeJS.Timeout | undefined;
  const rest = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  const wait = () => {
    timer ??= setTimeout(() => {
      out.destroy(new StorageUnavailable({ cause: new Error(`No byte came in ${silenceMs} ms.`) }));
    }, silenceMs);
  };
  const out = new Readable({
    read() {
      wait();
      body.resume();
    },
    destroy(error, done) {
      rest();
      body.destroy();
      done(error);
    },
  });
  // The client's own limit is for answers; a slow reader would run into it.
  (body as { socket?: { setTimeout?: (ms: number) => void } }).socket?.setTimeout?.(0);
  body.pause();
  body.on("data", (chunk) => {
    rest();
    check?.add(chunk);
    if (out.push(chunk)) wait();
    else body.pause();
  });
  body.on("end", () => {
    rest();
    if (check && !check.holds()) out.destroy(translate(new Error("What came isn't what its ETag says.")));
    else out.push(null);
  });
  body.on("error", (error) => out.destroy(translate(error)));
  return out;
}
