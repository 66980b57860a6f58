import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const pages = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], {
  cwd: root,
  encoding: "utf8",
})
  .trim()
  .split("\n");

it.each(pages)("%s links to files that exist", (page) => {
  const text = readFileSync(join(root, page), "utf8").replace(/```.*?```/gs, "");
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!.split("#")[0]!);
  const missing = targets.filter(
    (target) => target !== "" && !/^[a-z]+:/.test(target) && !existsSync(join(root, dirname(page), target)),
  );
  expect(missing).toEqual([]);
});

it("every decision has a number of its own, the one in its heading", () => {
  const records = pages.filter((page) => /^docs\/adr\/\d/.test(page));
  const numbers = records.map((page) => page.slice("docs/adr/".length).slice(0, 4));
  expect(numbers.filter((number, at) => numbers.indexOf(number) !== at)).toEqual([]);
  for (const [at, page] of records.entries()) {
    expect(readFileSync(join(root, page), "utf8")).toMatch(new RegExp(`^# ${numbers[at]}: `));
  }
});
