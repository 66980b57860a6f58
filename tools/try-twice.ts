import { afterEach } from "vitest";

/**
 * Fails the first try of each test once it has come to its end, and so shows which tests can't be tried again: with
 * `TRY_TWICE` in the environment, vitest's configuration loads this and allows for one more try.
 */
afterEach(({ task }) => {
  if ((task.result?.retryCount ?? 0) === 0) throw new Error("The first try fails on purpose.");
});
