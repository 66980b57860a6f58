import { expect, test } from "vitest";
import { createAuth, createSessionCache } from "./auth.ts";
import type { RuntimeApi } from "./runtime/api.ts";

test("a session is asked about again after five seconds, so that one which ended elsewhere ends here too", async () => {
  let now = 0;
  let asked = 0;
  const user = { id: "usr_1", email: "ann@example.com", name: null, role: "admin" };
  const session = async () => {
    asked += 1;
    return { user, expiresAt: "" };
  };
  const auth = createAuth(
    { session } as unknown as RuntimeApi,
    createSessionCache(() => now),
    () => "env_1",
  );
  const token = "t".repeat(43);
  for (now of [1_000, 3_000, 5_999]) expect(await auth.user(token)).toEqual(user);
  expect(asked).toBe(1);
  now = 6_001;
  await auth.user(token);
  expect(asked).toBe(2);
});
