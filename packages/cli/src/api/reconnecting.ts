import { setTimeout as delay } from "node:timers/promises";
import { CliError, refusal } from "../problem.ts";

/** Milliseconds before each new attempt to connect; an event in between starts them anew. About half a minute. */
const patience: readonly number[] = [100, 250, 500, 1000, 2000, 4000, 8000, 8000, 8000];

/**
 * A stream that outlives its connections: what breaks for the moment, such as a restart of the API, is connected again.
 * Throws what the API refuses for good, and what broke when patience is over. Ends when the caller stops reading.
 */
export async function* reconnecting<Item>(
  connect: () => AsyncIterable<Item>,
  pauses: readonly number[] = patience,
): AsyncGenerator<Item> {
  for (let failures = 0; ; failures++) {
    let broken: unknown = refusal("installation_unreachable", "The API ends the stream again and again.");
    try {
      for await (const item of connect()) {
        failures = 0;
        yield item;
      }
    } catch (error) {
      if (!isPassing(error)) throw error;
      broken = error;
    }
    if (failures >= pauses.length) throw broken;
    await delay(pauses[failures]);
  }
}

/** Whether the same request may well succeed in a moment. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof CliError)) return false;
  const { code, status } = error.problem;
  return code === "installation_unreachable" || status === 503 || status === 429;
}
