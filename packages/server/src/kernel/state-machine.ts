/** The moves a state machine allows: from each state, the states that may follow. */
export type Transitions<State extends string> = { readonly [from in State]: readonly State[] };

export type Verdict = { allowed: true } | { allowed: false; reason: string };

/** Says whether `from → to` is a legal move, and if not, why and what would be. */
export function mayMove<State extends string>(
  transitions: Transitions<State>,
  noun: string,
  from: State,
  to: State,
): Verdict {
  const next = transitions[from];
  if (next.includes(to)) return { allowed: true };
  const could = next.length === 0 ? "nothing follows it" : `it can become ${next.join(", ")}`;
  return { allowed: false, reason: `The ${noun} is ${from}: ${could}, not ${to}.` };
}
