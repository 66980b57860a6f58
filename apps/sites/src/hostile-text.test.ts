import { expect, test } from "vitest";
import { sniff, sniffBytes } from "./media/content-type.ts";
import { cleanFileName } from "./media/file-name.ts";
import { oneLine } from "./one-line.ts";
import { readPageForm } from "./pages/page-form.ts";
import { readUserForm } from "./users/user-form.ts";

// All tenants' sites are served by one process: a text that keeps it busy stops the sites of all of them. As large as a
// form may be, each took between ten seconds and some hours.
const characters = 1_000_000;
const many = (text: string) => text.repeat(characters / text.length);

/** Eight times what is looked at. */
const bytesEach = 8 * sniffBytes;

const texts = {
  "marks that trade places when normalised": `a${many("\u0345\u0334")}`,
  "an address of dots": `a@${many(".")}@`,
  "dots that don't end it": `a${many(".")}a`,
  "spaces that don't end it": `a${many(" ")}a`,
  "invisible marks": many("\u200e "),
  "words and hyphens": `${many("a-")}-`,
  "one ligature of eighteen letters": many("\ufdfa"),
};

const reading = {
  "a page": (text: string) => readPageForm({ title: text, slug: text, description: text, body: text }),
  "a page without a slug": (text: string) => readPageForm({ title: text }),
  "a user": (text: string) => readUserForm({ name: text, email: text, role: text }),
  "a file's name": (text: string) => cleanFileName(text, "png"),
  "a line": (text: string) => oneLine(text),
};

test.each(
  Object.entries(reading).flatMap(([what, read]) =>
    Object.entries(texts).map(([kind, text]) => [what, kind, () => read(text)] as const),
  ),
)("%s with %s is read in no time", (_what, _kind, read) => {
  const startedAt = performance.now();
  read();
  expect(performance.now() - startedAt).toBeLessThan(3_000);
});

test.each(["<!DOCTYPE", "<!DOCTYPE [", "<!DOCTYPE []", "<?xml", "<!--", " <"])(
  "a file that begins with %s and goes on so is looked at in no time",
  async (beginning) => {
    const startedAt = performance.now();
    for (const filling of ["a", beginning, " ", "[]"]) {
      const bytes = Buffer.from(beginning + filling.repeat(bytesEach)).subarray(0, bytesEach);
      expect((await sniff(bytes)).contentType).toBe("application/octet-stream");
    }
    // A picture that is one is known as such all the same.
    for (const prologue of [
      "<!DOCTYPE svg>",
      '<!DOCTYPE svg [<!ENTITY a "b">] >',
      '<?xml version="1.0"?><!-- a -->',
    ])
      expect((await sniff(Buffer.from(`${prologue}\n<svg/>`))).contentType).toBe("image/svg+xml");
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  },
);
