import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isKey, parseKey, parsePrefix } from "./key.ts";

const attacks: [what: string, key: string][] = [
  ["nothing", ""],
  ["the parent", ".."],
  ["the parent, then a file", "../secret"],
  ["the parent half-way", "a/../../secret"],
  ["the parent at the end", "a/.."],
  ["the directory itself", "."],
  ["a dot half-way", "a/./b"],
  ["three dots", ".../a"],
  ["an absolute path", "/etc/passwd"],
  ["two slashes at the start", "//server/share"],
  ["an empty part", "a//b"],
  ["a slash at the end", "a/"],
  ["a backslash", "..\\secret"],
  ["a Windows drive", "C:\\secret"],
  ["NUL", "a\0.png"],
  ["a line break", "a\nb"],
  ["a carriage return", "a\rb"],
  ["a tab", "a\tb"],
  ["DEL", "a\u007f"],
  ["a C1 control character", "a\u0085b"],
  ["an escape sequence", "a\u001b[2Jb"],
  ["fullwidth dots", "\uff0e\uff0e/secret"],
  ["a fullwidth slash", "a\uff0fb"],
  ["a fullwidth backslash", "a\uff3cb"],
  ["a small backslash", "a\ufe68b"],
  ["one-dot leaders", "\u2024\u2024/secret"],
  ["a two-dot leader", "\u2025/secret"],
  ["an ellipsis", "a\u2026"],
  ["a small full stop", "\ufe52\ufe52/a"],
  ["a division slash", "a\u2215b"],
  ["a fraction slash", "a\u2044b"],
  ["a big solidus", "a\u29f8b"],
  ["a set minus", "a\u2216b"],
  ["account of (a/c)", "a\u2100b"],
  ["a right-to-left override", "a\u202egnp.exe"],
  ["a right-to-left mark", "a\u200fb"],
  ["an Arabic letter mark", "a\u061cb"],
  ["a first strong isolate", "a\u2068b"],
  ["a zero-width space", ".\u200b./a"],
  ["a byte order mark", "\ufeffa"],
  ["a word joiner", "a\u2060b"],
  ["a soft hyphen", "a\u00adb"],
  ["a line separator", "a\u2028b"],
  ["a tag character", "a\u{e0041}b"],
  ["a decomposed letter", "cafe\u0301"],
  ["a letter that NFC changes", "\u212bngstrom"],
  ["a lone surrogate", "a\ud800b"],
  [
    "a replacement character, as overlong UTF-8 decodes to",
    Buffer.from([0x61, 0xc0, 0xaf, 0x62]).toString("utf8"),
  ],
  ["a noncharacter", "a\uffffb"],
  ["a space at the start of a part", "a/ b"],
  ["dots and a space", ".. /a"],
  ["a no-break space at the end", "a\u00a0"],
  ["a part of 256 bytes", "a".repeat(256)],
  ["a part of 256 bytes in 128 letters", "é".repeat(128)],
  ["a key of 961 bytes", `${`${"a".repeat(191)}/`.repeat(5)}a`],
  ["sixty-five parts", Array(65).fill("a").join("/")],
  ["our own area", ".tenantry/meta/00/x"],
  ["our own area in capitals", ".Tenantry/a"],
  ["our own area alone", ".tenantry"],
  ["our own area in compatibility letters", ".ｔenantry/a"],
];

const allowed = [
  "a",
  "media/2026/logo.png",
  ".well-known/security.txt",
  "..a",
  "a..b/c..",
  "a b/c (1).txt",
  "%2e%2e%2fsecret",
  "C:secret",
  "Straße/Ωmega/日本語（１）.png",
  "½ price.txt",
  "خانه‌ها.txt",
  "👨‍👩‍👧.png",
  "<script>alert(1)</script>",
  "'; drop table users; --",
  "nested/.tenantry",
  "a".repeat(255),
  Array(64).fill("a").join("/"),
];

describe("parseKey", () => {
  it.each(attacks)("refuses %s", (_what, key) => {
    expect(() => parseKey(key)).toThrowError(expect.objectContaining({ code: "unsafe_path" }));
    expect(isKey(key)).toBe(false);
  });

  it("refuses what isn't a text", () => {
    for (const key of [undefined, null, 1, {}, ["a"]]) {
      expect(() => parseKey(key as unknown as string)).toThrowError(
        expect.objectContaining({ code: "unsafe_path" }),
      );
    }
  });

  it.each(allowed)("accepts %s", (key) => {
    expect(parseKey(key).join("/")).toBe(key);
  });

  it("accepts nothing that leaves the directory it is joined to, in any normal form", () => {
    const pieces = fc.constantFrom(
      ...[
        "..",
        ".",
        "/",
        "\\",
        "\0",
        "a",
        "é",
        "\uff0e",
        "\uff0f",
        "\u2024",
        "\u2026",
        "\u200b",
        " ",
        "%2e",
        "~",
        ":",
      ],
    );
    const text = fc.oneof(
      fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join("")),
      fc.string({ unit: "binary", maxLength: 40 }),
    );
    fc.assert(
      fc.property(text, (key) => {
        if (!isKey(key)) return;
        for (const form of ["NFC", "NFD", "NFKC", "NFKD"]) {
          const spelt = key.normalize(form);
          expect(path.resolve("/root/tenant", spelt)).toBe(`/root/tenant/${spelt}`);
          expect(spelt.split("/").length).toBe(key.split("/").length);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("parsePrefix", () => {
  it("splits into whole parts and the start of the next", () => {
    expect(parsePrefix("")).toEqual({ parts: [], start: "" });
    expect(parsePrefix("me")).toEqual({ parts: [], start: "me" });
    expect(parsePrefix("media/20")).toEqual({ parts: ["media"], start: "20" });
    expect(parsePrefix("media/")).toEqual({ parts: ["media"], start: "" });
  });

  it.each(["../", "/", "a//b", "a/../b", "a\\", "\0", "./a", "a".repeat(2_000)])("refuses %s", (prefix) => {
    expect(() => parsePrefix(prefix)).toThrowError(expect.objectContaining({ code: "unsafe_path" }));
  });
});
