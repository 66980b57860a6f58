/** What a step reports of itself. */
export type Report = { fraction: number; message: string | undefined };

const intervalMs = 200;

/**
 * Passes on the first report at once and then the newest at most every fifth of a second. `settle` waits for what is
 * being written and forgets the rest: whoever calls it writes the final value.
 */
export function throttleReports(write: (report: Report) => Promise<void>) {
  let pending: Report | undefined;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let settled = false;

  function flush(): void {
    timer = undefined;
    if (!pending || settled) return;
    const report = pending;
    pending = undefined;
    timer = setTimeout(flush, intervalMs);
    writing = writing.then(() => write(report));
  }

  return {
    async report(report: Report): Promise<void> {
      pending = report;
      if (timer) return;
      flush();
      await writing;
    },
    async settle(): Promise<void> {
      settled = true;
      clearTimeout(timer);
      await writing;
    },
  };
}
