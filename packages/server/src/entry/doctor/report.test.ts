import { describe, expect, it } from "vitest";
import { ok, problem, warning } from "./check.ts";
import { type Paint, reportLines } from "./report.ts";

const plain: Paint = (_, text) => text;
const marked: Paint = (format, text) => `<${format}>${text}</${format}>`;

describe("what the doctor tells people", () => {
  it("says without colours, too, what is well and what isn't, each in a line with what to do below it", () => {
    const findings = [
      ok("disk", "Room."),
      warning("clock", "Late.", "Wait."),
      problem("key", "Gone.", "Look."),
    ];
    expect(reportLines(findings, plain)).toEqual([
      "✔ disk            Room.",
      "! clock           Late.",
      "                  → Wait.",
      "✖ key             Gone.",
      "                  → Look.",
      "",
      "1 problem, 1 warning.",
    ]);
  });

  it("is green, yellow or red where it stands, and nothing else is coloured", () => {
    expect(reportLines([ok("disk", "Room.")], marked)).toEqual([
      "<green>✔</green> disk            Room.",
      "",
      "<green>Everything is well.</green>",
    ]);
    const [first, second] = reportLines([problem("key", "Gone.", "Look.")], marked);
    expect(first).toBe("<red>✖</red> <bold>key            </bold> Gone.");
    expect(second).toContain("<red>→</red> Look.");
  });
});
