import { describeCacheDriver } from "../driver.testsuite.ts";
import { createMemoryCacheDriver } from "./index.ts";

describeCacheDriver("cache driver memory", async () => {
  let now = 1_000;
  return {
    driver: createMemoryCacheDriver({ now: () => now }),
    pass: async (milliseconds) => {
      now += milliseconds;
    },
    close: async () => undefined,
  };
});
