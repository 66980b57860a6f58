import { describe, expect, test } from "vitest";
import { mistakeInPassword, readUserForm } from "./user-form.ts";

const good = { name: "Anna", email: "anna@example.com", role: "editor" };
const fieldsWithMistakes = (change: Record<string, string>) =>
  readUserForm({ ...good, ...change }).mistakes.map(({ field }) => field);

describe("what is typed about a user", () => {
  test("is tidied: blanks, control characters and marks that reverse the text go", () => {
    const { text, mistakes } = readUserForm({
      name: "  Anna \u202e\tBell\u0007 ",
      email: " anna@example.com\n",
      role: "admin",
    });
    expect(text).toEqual({ name: "Anna Bell", email: "anna@example.com", role: "admin" });
    expect(mistakes).toEqual([]);
  });

  test("needs an e-mail address and a role that there is, and no name", () => {
    expect(fieldsWithMistakes({ name: "" })).toEqual([]);
    for (const email of ["", "anna", "anna@", "@example.com", "anna@example", "an na@example.com"]) {
      expect(fieldsWithMistakes({ email })).toEqual(["email"]);
    }
    for (const role of ["", "owner", "constructor"]) expect(fieldsWithMistakes({ role })).toEqual(["role"]);
  });

  test("is never cut off: a name that is too long comes back whole", () => {
    const name = "n".repeat(201);
    const { text, mistakes } = readUserForm({ ...good, name });
    expect(text.name).toBe(name);
    expect(mistakes[0]?.message).toContain("201 characters, and may have 200");
  });

  test("is no password below ten characters, as people count them, nor above 256", () => {
    for (const password of ["", "x", "🐎🐎🐎🐎🐎🐎🐎🐎🐎", "x".repeat(257)]) {
      expect(mistakeInPassword(password)).toBeDefined();
    }
    for (const password of ["ten chars!", "correct horse battery", "x".repeat(256)]) {
      expect(mistakeInPassword(password)).toBeUndefined();
    }
  });
});
