import { defineConfig } from "vitest/config";
import { compileCache } from "./tools/warm-compile-cache.ts";

// For all processes below this one.
process.env.NODE_COMPILE_CACHE ??= compileCache;

const real = {
  // Real servers on a machine that others use, too: there a test has failed when it fails twice. The report names it.
  retry: process.env.CI || process.env.TRY_TWICE ? 1 : 0,
  setupFiles: process.env.TRY_TWICE ? ["./tools/try-twice.ts"] : [],
  testTimeout: 60_000,
  hookTimeout: 120_000,
  // What is waited for comes at once on a free machine, and still comes on one with ten times more to do.
  expect: { poll: { timeout: 30_000, interval: 20 } },
};

export default defineConfig({
  test: {
    // The same on every machine: tests start servers and browsers of their own, which want the other cores.
    maxWorkers: 2,
    globalSetup: "./tools/warm-compile-cache.ts",
    reporters: ["default", "./tools/vitest-summary-reporter.ts"],
    projects: [
      {
        test: {
          name: "unit",
          include: ["{packages,apps,tools}/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/*.slow.test.ts"],
          ...real,
        },
      },
      {
        test: {
          name: "slow",
          include: ["{packages,apps,tools}/**/*.slow.test.ts", "test/**/*.test.ts"],
          exclude: ["**/node_modules/**"],
          ...real,
          testTimeout: 180_000,
        },
      },
    ],
  },
});
