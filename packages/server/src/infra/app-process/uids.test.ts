import { describe, expect, it } from "vitest";
import { firstAppUid, unusedGroup } from "./uids.ts";

const everyUid = "         0          0 4294967295\n";

describe("the uids of an installation's applications", () => {
  it("are the same at every start, and a thousand apart from another installation's", () => {
    const one = firstAppUid("01890a5d-ac96-774b-bcce-b302099a8057", everyUid);
    expect(firstAppUid("01890a5d-ac96-774b-bcce-b302099a8057", everyUid)).toBe(one);
    const other = firstAppUid("01890a5d-ac96-774b-bcce-b302099a8058", everyUid);
    expect(Math.abs(one - other)).toBeGreaterThanOrEqual(1_000);
    expect(one).toBeGreaterThanOrEqual(100_000_000);
    expect(one).toBeLessThan(2 ** 31 - 1_000);
  });

  it("stay within those that a container was given", () => {
    expect(firstAppUid("01890a5d-ac96-774b-bcce-b302099a8057", "0 100000 65536\n")).toBe(64_200);
  });
});

describe("the group that marks an application's processes", () => {
  it("is another one each time, above all that accounts and applications have", async () => {
    const groups = await Promise.all(Array.from({ length: 100 }, () => unusedGroup(everyUid)));
    expect(new Set(groups).size).toBe(100);
    expect(Math.min(...groups)).toBeGreaterThanOrEqual(1_000_000_000);
    expect(Math.max(...groups)).toBeLessThan(2_000_000_000);
  });

  it("is one that nobody is in where a container has few, or there is none", async () => {
    const all = Array.from({ length: 334 }, (_, index) => 65_200 + index);
    const few = "0 100000 65536\n";
    expect(await unusedGroup(few, async () => new Set(all.filter((group) => group !== 65_300)))).toBe(65_300);
    await expect(unusedGroup(few, async () => new Set(all))).rejects.toThrow("is in use");
  });
});
