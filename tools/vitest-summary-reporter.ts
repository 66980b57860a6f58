import type { Reporter, TestModule } from "vitest/node";

/**
 * Prints one last line that programs can read: `12 passed, 0 failed`, with `, 3 skipped` when some were.
 * A file that cannot be loaded and an error outside every test count as one failure each, since otherwise
 * a run that ran nothing would look clean.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(testModules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    process.stdout.write(`\n${summarise(testModules, unhandledErrors.length)}\n`);
  }
}

export function summarise(testModules: readonly TestModule[], unhandledErrors: number): string {
  const states = testModules.flatMap((it) => [...it.children.allTests()].map((test) => test.result().state));
  const count = (state: string) => states.filter((it) => it === state).length;
  // `pending` is a test that was never reached, as when the run is cut short.
  const failed = count("failed") + count("pending") + unhandledErrors + brokenSuites(testModules);
  const skipped = count("skipped") > 0 ? `, ${count("skipped")} skipped` : "";
  return `${count("passed")} passed, ${failed} failed${skipped}`;
}

/** Files and `describe` blocks with an error of their own: a syntax error, a failing hook. */
function brokenSuites(testModules: readonly TestModule[]): number {
  return testModules.flatMap((it) => [it, ...it.children.allSuites()]).filter((it) => it.errors().length > 0)
    .length;
}
