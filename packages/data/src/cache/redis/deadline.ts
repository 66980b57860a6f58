/** A moment until which an answer is waited for. A timer, since signals cost more than the calls that they would bound. */
export type Deadline = {
  readonly passed: boolean;
  /** Calls back when the moment has come; what it answers takes that back. */
  onPass(callback: () => void): () => void;
  /** The answer is there. */
  stop(): void;
};

export function startDeadline(milliseconds: number): Deadline {
  const callbacks = new Set<() => void>();
  let passed = false;
  const end = () => {
    passed = true;
    for (const callback of callbacks) callback();
  };
  // Where this process itself was held up for so long, the answer lies there already: it is read before the end.
  const timer = setTimeout(() => setImmediate(end), milliseconds);
  return {
    get passed() {
      return passed;
    },
    onPass(callback) {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
    stop: () => clearTimeout(timer),
  };
}

/** The work's outcome, or `late` when the moment comes first; then nobody waits for the work any more. */
export function inTime<Result>(
  work: Promise<Result>,
  deadline: Deadline,
  late: () => Error,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const forget = deadline.onPass(() => reject(late()));
    if (deadline.passed) reject(late());
    work.then(resolve, reject).finally(forget);
  });
}
