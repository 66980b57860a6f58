/**
 * Waits for a promise until the signal aborts, and then rejects with the signal's reason; what the promise comes to
 * afterwards is nobody's concern, unless `late` is given.
 */
export async function unlessAborted<Result>(
  promise: Promise<Result>,
  signal: AbortSignal,
  late: (result: Result) => void = () => undefined,
): Promise<Result> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason as Error);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([aborted, promise]);
  } catch (error) {
    promise.then(late, () => undefined);
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
