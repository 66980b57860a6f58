import type { AttemptOutcome, IsolationPath } from "@tenantry/contract";

/** What became of an attempt. `answer` never holds a tenant's data. */
export type ProbeAnswer = {
  outcome: AttemptOutcome;
  answer: string;
  /** What to do, where it is known better than the probe's own remedy. */
  remedy?: string;
};

/**
 * One way by which somebody might get from one tenant to another. It is tried in installations that serve people: it
 * reads markers of canaries, and of other tenants no more than whether something of theirs can be seen; what it writes,
 * it writes as a canary, and takes back.
 */
export type Probe<Ground> = {
  /** For the published list: `database.neighbours-rows`. */
  readonly id: string;
  readonly path: IsolationPath;
  /** What is tried, in words for people. */
  readonly title: string;
  /** What to do when it gets through. */
  readonly remedy: string;
  /** Whether there is anything to try between these two; always when left out. */
  applies?(ground: Ground): boolean;
  /** Tries it. An error that is thrown says that it couldn't be tried, and should have been. */
  run(ground: Ground): Promise<ProbeAnswer>;
};

export const refused = (answer: string): ProbeAnswer => ({ outcome: "refused", answer: short(answer) });
export const sound = (answer: string): ProbeAnswer => ({ outcome: "sound", answer: short(answer) });
export const breach = (answer: string, remedy?: string): ProbeAnswer => ({
  outcome: "breach",
  answer: short(answer),
  ...(remedy !== undefined && { remedy }),
});
/** It should have been tried, and couldn't be: nobody knows whether it gets through. */
export const failed = (answer: string): ProbeAnswer => ({ outcome: "failed", answer: short(answer) });
/** There was nothing to try. */
export const skipped = (answer: string): ProbeAnswer => ({ outcome: "skipped", answer: short(answer) });

function short(text: string): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, " ").trim();
  return line.length > 2_000 ? `${line.slice(0, 1_999)}…` : line;
}
