import { describe, expect, it } from "vitest";
import { requireGoodPassword } from "./passwords.ts";

const check = (password: string) => () =>
  requireGoodPassword(password, "maria.lopez@example.com", "/password");

describe("password rules [IAM-3]", () => {
  it.each([
    "password123",
    "Password2024!",
    "P@ssw0rd!!",
    "p4ssw0rd2023",
    "qwertyuiop",
    "qwerty123456",
    "1q2w3e4r5t",
    "1qaz2wsx3edc",
    "1234567890",
    "0987654321",
    "iloveyou123",
    "letmein2024",
    "Welcome2025!",
    "admin12345",
    "dragondragon",
    "abcdefghij",
    "zyxwvutsrq",
    "asdfghjkl123",
    "Sunshine!!!1",
    "aaaaaaaaaaaa",
    "ababababab",
    "football1234",
    "monkey123456",
    "maria.lopez",
    "Maria.Lopez@example.com",
    "TrustNo1234",
    "short",
    "",
  ])("refuses %j", (password) => {
    expect(check(password)).toThrow(/password/);
  });

  it.each([
    "correct horse battery",
    "v7Kd0qLm2x",
    "maria.lopez is my name",
    "8371928374 qwer",
    "fjord-lamp-quiet-9",
    "пароль для сайта",
    "東京タワーの夜景が好き",
    "my monkey eats cheese",
  ])("takes %j", (password) => {
    expect(check(password)).not.toThrow();
  });

  it("names the field, and says what would do", () => {
    expect(check("short")).toThrowError(
      expect.objectContaining({
        code: "invalid_request",
        remedy: expect.stringContaining("longer"),
        details: expect.objectContaining({ errors: [expect.objectContaining({ pointer: "/password" })] }),
      }),
    );
  });
});
