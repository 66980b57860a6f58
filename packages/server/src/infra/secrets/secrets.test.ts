import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSecrets } from "./index.ts";

const secrets = createSecrets(Buffer.alloc(32, 7));

describe("sealed secrets", () => {
  it("come back as they were, text and bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (bytes, context) => {
        const plain = Buffer.from(bytes);
        return secrets.open(secrets.seal(plain, context), context).equals(plain);
      }),
    );
    expect(secrets.open(secrets.seal("postgres://ü", "url:1"), "url:1").toString()).toBe("postgres://ü");
  });

  it("look different each time, and never show the plain text", () => {
    const first = secrets.seal("correct horse", "a");
    expect(first.equals(secrets.seal("correct horse", "a"))).toBe(false);
    expect(first.includes("correct horse")).toBe(false);
  });

  it("don't open under another context", () => {
    const sealed = secrets.seal("x", "role:1");
    expect(() => secrets.open(sealed, "role:2")).toThrow(
      "The secret role:2 was changed, or belongs elsewhere.",
    );
  });

  it("don't open when any one byte was changed", () => {
    const sealed = secrets.seal("the secret", "a");
    for (let position = 0; position < sealed.length; position += 1) {
      const changed = Buffer.from(sealed);
      changed[position]! ^= 1;
      expect(() => secrets.open(changed, "a"), `byte ${position}`).toThrow();
    }
    expect(() => secrets.open(sealed.subarray(0, 20), "a")).toThrow("isn't in a form");
  });

  it("name both keys when the master key is another one", () => {
    const other = createSecrets(randomBytes(32));
    const sealed = other.seal("x", "a");
    expect(() => secrets.open(sealed, "a")).toThrow(new RegExp(`${other.keyId}.*${secrets.keyId}`));
  });

  it("know their key by an id that stays the same and tells nothing of the key", () => {
    expect(createSecrets(Buffer.alloc(32, 7)).keyId).toBe(secrets.keyId);
    expect(secrets.keyId).toMatch(/^[0-9a-f]{12}$/);
    expect(secrets.keyId).not.toContain("0707");
  });
});
