import { argon2Sync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { hashPassword, needsRehash, verifyPassword } from "./password-hash.ts";

function phc(password: string, memory: number): string {
  const [message, nonce] = [Buffer.from(password), Buffer.alloc(16, 7)];
  const tag = argon2Sync("argon2id", { message, nonce, memory, passes: 1, parallelism: 1, tagLength: 32 });
  const encode = (bytes: Buffer) => bytes.toString("base64").replaceAll("=", "");
  return `$argon2id$v=19$m=${memory},t=1,p=1$${encode(nonce)}$${encode(tag)}`;
}

describe("password hashes [IAM-3]", () => {
  it("match their password alone, and no two of one password are alike", async () => {
    const [first, second] = await Promise.all([hashPassword("correct horse"), hashPassword("correct horse")]);
    expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(first).not.toBe(second);
    expect(await verifyPassword("correct horse", first)).toBe(true);
    expect(await verifyPassword("Correct horse", first)).toBe(false);
    expect(needsRehash(first)).toBe(false);
  });

  it("made with older parameters still match, and ask to be made anew", async () => {
    const old = phc("correct horse", 8_192);
    expect(await verifyPassword("correct horse", old)).toBe(true);
    expect(needsRehash(old)).toBe(true);
  });

  it("match a password in whichever Unicode form it was typed", async () => {
    const hash = await hashPassword("cafe\u0301 au lait");
    expect(await verifyPassword("café au lait", hash)).toBe(true);
  });

  it.each(["", "$2b$10$abc", "$argon2id$v=19$m=99999999,t=2,p=1$AAAAAAAAAAA$AAAA", "correct horse"])(
    "that can't be read match nothing: %j",
    async (hash) => {
      expect(await verifyPassword("correct horse", hash)).toBe(false);
    },
  );

  it("under a flood leave the event loop free and turn the excess away as busy", async () => {
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 1);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 110 }, () => hashPassword("correct horse")),
    );
    clearInterval(timer);
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    // Two are at work, and three quarters of a hundred wait.
    expect(refused).toHaveLength(33);
    expect(refused[0]!.reason).toMatchObject({ code: "busy", status: 503 });
    expect(ticks).toBeGreaterThan(50);
  });
});
