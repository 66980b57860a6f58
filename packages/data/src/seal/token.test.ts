import { createHmac } from "node:crypto";
import { expect, it } from "vitest";
import { mintSealToken } from "./token.ts";

const claims = {
  databaseId: "0192aaaa-0000-7000-8000-00000000000A",
  environmentId: "0192bbbb-0000-7000-8000-00000000000b",
  expiresAt: 1_800_000_000,
  backend: 4711,
};

it("a token names environment, expiry and backend in fixed places, and covers the database, too", () => {
  const key = Buffer.alloc(32, 7);
  const rest = "0192bbbb00007000800000000000000b18000000000000004711";
  const code = createHmac("sha256", key).update(`10192aaaa00007000800000000000000a${rest}`).digest("hex");
  expect(mintSealToken(key, claims)).toBe(`1${rest}${code}`);
  expect(mintSealToken(key, { ...claims, databaseId: claims.environmentId })).not.toContain(code);
});
