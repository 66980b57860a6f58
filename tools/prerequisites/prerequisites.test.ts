import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { requireProgram } from "../../test/support/programs.ts";
import { findProgram, missingPrograms, packagesOf } from "./programs.ts";
import { whyNotInstallable } from "./system.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tenantry-programs-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

describe("a program that tests need", () => {
  test("is found on the given path", () => {
    writeFileSync(join(folder, "wrk"), "#!/bin/sh\n", { mode: 0o755 });
    expect(findProgram("wrk", `/nowhere:${folder}`)).toBe(join(folder, "wrk"));
    expect(requireProgram("wrk", folder)).toBe(join(folder, "wrk"));
  });

  test("does not count when it cannot be run", () => {
    writeFileSync(join(folder, "wrk"), "");
    chmodSync(join(folder, "wrk"), 0o644);
    expect(findProgram("wrk", folder)).toBeNull();
  });

  test("fails the test that needs it, naming Debian's packages", () => {
    expect(() => requireProgram("chromium", folder)).toThrow(
      "chromium is missing: run `npm run prerequisites` as root, or install Debian's chromium fonts-liberation",
    );
  });

  test("is listed as missing with its packages, each one once", () => {
    expect(missingPrograms(folder)).toContain("ps");
    expect(packagesOf(["unshare", "setpriv", "ps"])).toEqual(["util-linux", "procps"]);
  });
});

describe("installing is refused with the reason", () => {
  const bookworm = { id: "debian", version: "12", isRoot: true, hasApt: true };

  test.each([
    [bookworm, null],
    [{ ...bookworm, isRoot: false }, "installing needs root"],
    [{ ...bookworm, hasApt: false }, "there is no apt-get"],
    [{ ...bookworm, version: "13" }, "this system is debian 13, and the packages' names are Debian 12's"],
    [{ ...bookworm, id: "", version: "" }, "this system is unknown, and the packages' names are Debian 12's"],
  ])("%o: %s", (system, reason) => {
    expect(whyNotInstallable(system)).toBe(reason);
  });
});
