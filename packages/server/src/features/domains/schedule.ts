const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** How often due domains are looked for: nothing is noticed sooner than that. */
export const passEveryMs = 5_000;

/** How long a proven domain whose record vanished goes on: time to notice, and to put it back. */
export const graceMs = 3 * dayMs;

/** The pause until DNS is looked at again for a claim that isn't proven, after the time it has waited already. */
export function pauseWhilePending(waitedMs: number): number {
  if (waitedMs < dayMs) return 45_000;
  if (waitedMs < 7 * dayMs) return 10 * minuteMs;
  if (waitedMs < 30 * dayMs) return 4 * hourMs;
  return dayMs;
}

/** The same for a domain that was proven: `isSure` when its record was found just now. */
export function pauseOnceProven(isSure: boolean): number {
  return isSure ? dayMs : hourMs;
}
