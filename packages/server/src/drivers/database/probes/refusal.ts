import { breach, type ProbeAnswer, refused } from "../../probe.ts";

type DatabaseError = Error & {
  code?: string;
  table?: string;
  column?: string;
  dataType?: string;
};

/** What the database refused something with; undefined for errors that say nothing of rights: no answer, no room. */
export function refusalOf(error: unknown): DatabaseError | undefined {
  const { code = "" } = error as DatabaseError;
  if (!/^[0-9A-Z]{5}$/.test(code) || /^(08|53|57|58|XX)/.test(code)) return undefined;
  return error as DatabaseError;
}

/** Refused is what the work must be; whatever it answers is a breach. */
export async function mustBeRefused(work: () => Promise<unknown>, reached: string): Promise<ProbeAnswer> {
  try {
    await work();
    return breach(reached);
  } catch (error) {
    const refusal = refusalOf(error);
    if (!refusal) throw error;
    return refused(`${refusal.code}: ${refusal.message}`);
  }
}
