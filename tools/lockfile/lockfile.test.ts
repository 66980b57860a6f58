import { describe, expect, test } from "vitest";
import { fixedHosts, mend, missingBinaries } from "./lockfile.ts";

const optionalDependencies = { "@tool/linux-x64-gnu": "1.0.0", "@tool/darwin-arm64": "1.0.0" };

describe("the lock file", () => {
  const gap = {
    packages: {
      "": { version: "0.1.0" },
      "node_modules/tool": { version: "1.0.0", dev: true, optionalDependencies },
      "node_modules/@tool/linux-x64-gnu": { version: "1.0.0", optional: true },
    },
  };

  test("is caught when it leaves out another platform's binary", () => {
    expect(missingBinaries(gap)).toEqual([
      { owner: "node_modules/tool", name: "@tool/darwin-arm64", version: "1.0.0" },
    ]);
  });

  test("is mended with an entry that npm skips on other platforms", () => {
    const mended = mend(gap);
    expect(missingBinaries(mended)).toEqual([]);
    expect(mended.packages["node_modules/@tool/darwin-arm64"]).toEqual({
      version: "1.0.0",
      cpu: ["arm64"],
      os: ["darwin"],
      dev: true,
      optional: true,
    });
    expect(Object.keys(mended.packages)).toEqual([
      "",
      "node_modules/@tool/darwin-arm64",
      "node_modules/@tool/linux-x64-gnu",
      "node_modules/tool",
    ]);
  });

  test("may hold a binary in its owner's own node_modules", () => {
    const nested = {
      packages: {
        "node_modules/a/node_modules/tool": { optionalDependencies: { "@tool/linux-arm": "1.0.0" } },
        "node_modules/a/node_modules/@tool/linux-arm": { version: "1.0.0" },
      },
    };
    expect(missingBinaries(nested)).toEqual([]);
  });

  test("is caught and mended when it is bound to one registry's host", () => {
    const bound = {
      packages: {
        "node_modules/a": { version: "1.0.0", resolved: "https://registry.example/a-1.0.0.tgz" },
        "node_modules/b": { resolved: "packages/b", link: true },
      },
    };
    expect(fixedHosts(bound)).toEqual(["node_modules/a"]);
    expect(mend(bound).packages).toEqual({
      "node_modules/a": { version: "1.0.0" },
      "node_modules/b": { resolved: "packages/b", link: true },
    });
  });
});
