import { describe, expect, it } from "vitest";
import { firstAppUid } from "./uids.ts";

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
