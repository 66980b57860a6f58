import { describe, expect, it } from "vitest";
import { isConnectionFailure } from "./index.ts";

const withCode = (code: string, message = "x") => Object.assign(new Error(message), { code });

describe("a registry that is away", () => {
  it.each(["ECONNREFUSED", "EPIPE", "ENOTFOUND", "08006", "57P01", "57P03", "53300"])(
    "is known by %s",
    (code) => {
      expect(isConnectionFailure(withCode(code))).toBe(true);
    },
  );

  it.each([
    "Connection terminated unexpectedly",
    "timeout exceeded when trying to connect",
    "timeout expired",
  ])("is known by %j", (text) => {
    expect(isConnectionFailure(new Error(text))).toBe(true);
  });

  it.each([
    withCode("23505"),
    withCode("42601"),
    withCode("57014"),
    new Error("x"),
    undefined,
    "ECONNREFUSED",
  ])("isn't meant by %s", (error) => {
    expect(isConnectionFailure(error)).toBe(false);
  });
});
