import fc from "fast-check";
import { expect, test } from "vitest";
import { cleanFileName } from "./file-name.ts";
import { pathOfMedia } from "./media.ts";

test("a name keeps its ending, unless the file is something else", () => {
  expect(cleanFileName("Photo.JPEG", "jpg")).toBe("Photo.JPEG");
  expect(cleanFileName("photo.html", "png")).toBe("photo.html.png");
  expect(cleanFileName("photo", "png")).toBe("photo.png");
  expect(cleanFileName("archive.tar.gz", "gz")).toBe("archive.tar.gz");
  expect(cleanFileName("notes.txt", undefined)).toBe("notes.txt");
  expect(cleanFileName("C:\\Users\\anna\\photo.png", "png")).toBe("photo.png");
  expect(cleanFileName("///", undefined)).toBe("file");
});

test("whatever a file was called, its name is no path, hides nothing, and fits into an address", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), fc.string());
  fc.assert(
    fc.property(
      text,
      fc.option(fc.constantFrom("png", "jpg", "pdf"), { nil: undefined }),
      (given, extension) => {
        const name = cleanFileName(given, extension);
        expect(name).toMatch(/^[^\p{Cc}\p{Cf}\\/:*?"<>|]+$/u);
        expect(name).not.toMatch(/^\.|\.$|^ | $/);
        expect([...name].length).toBeLessThanOrEqual(121);
        expect(decodeURIComponent(pathOfMedia({ id: "x", name }))).toBe(`/media/x/${name}`);
        expect(pathOfMedia({ id: "x", name })).toMatch(/^\/media\/x\/[\w.~%-]+$/);
      },
    ),
    { numRuns: 2_000 },
  );
});
