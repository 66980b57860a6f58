import { describe, expect, it } from "vitest";
import type { Look } from "../../output/look.ts";
import { isWanted, showLogLine } from "./log-lines.ts";

const look: Look = { width: undefined, now: 0, paint: (_tone, text) => text };
const entry = (fields: object) => JSON.stringify({ level: 30, time: "2026-01-01T00:00:00.123Z", ...fields });

describe("a line of the log for people", () => {
  it("tells when, how important, what and the rest", () => {
    const line = entry({ level: 40, msg: "app.restarting", app: "notes", error: "It ended.", restarts: 2 });
    expect(showLogLine(line, look)).toBe(
      '2026-01-01 00:00:00.123  warn   app.restarting  app=notes error="It ended." restarts=2',
    );
  });

  it("shows what an application wrote as it wrote it, without harm to the terminal", () => {
    const line = entry({ msg: "app.output", app: "notes", line: "hello \u001b[31m\u202ered" });
    expect(showLogLine(line, look)).toBe("2026-01-01 00:00:00.123  notes: hello \ufffd[31m\ufffdred");
  });

  it("shows what isn't JSON as it is", () => {
    expect(showLogLine("a trace\u0007", look)).toBe("a trace\ufffd");
    expect(showLogLine("12", look)).toBe("12");
  });
});

describe("choosing lines", () => {
  it.each([
    [{}, ["notes", "sites", "warn", "text"]],
    [{ app: "notes" }, ["notes"]],
    [{ level: "warn" }, ["warn"]],
    [{ app: "notes", level: "error" }, []],
  ])("by %j", (filter, expected) => {
    const lines = {
      notes: entry({ app: "notes", msg: "x" }),
      sites: entry({ app: "sites", msg: "x" }),
      warn: entry({ level: 40, msg: "x" }),
      text: "a trace",
    };
    const wanted = Object.entries(lines).filter(([, line]) => isWanted(line, filter));
    expect(wanted.map(([name]) => name)).toEqual(expected);
  });
});
