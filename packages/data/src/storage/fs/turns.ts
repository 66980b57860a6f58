const last = new Map<string, Promise<unknown>>();

/** Lets the changes of one key in this process follow one another, so that each cleans up after exactly the one before. */
export async function withTurn<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  const before = last.get(name) ?? Promise.resolve();
  const mine = before.then(work, work);
  last.set(name, mine);
  try {
    return await mine;
  } finally {
    if (last.get(name) === mine) last.delete(name);
  }
}
