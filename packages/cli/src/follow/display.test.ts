import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { operation, step } from "../testing/operations.ts";
import { createDisplay } from "./display.ts";

function stream(isTTY: boolean): NodeJS.WriteStream & { text(): string } {
  const through = new PassThrough();
  const terminal = { isTTY, columns: 60, rows: 20, text: () => String(through.read() ?? "") };
  return Object.assign(through, terminal) as unknown as NodeJS.WriteStream & { text(): string };
}

const running = operation({ steps: [step("a", { status: "running" }), step("b")] });
const ended = operation({
  status: "succeeded",
  endedAt: "2026-01-01T00:00:01.000Z",
  steps: [step("a", { status: "done", tookMs: 5 }), step("b", { status: "done", tookMs: 7 })],
});

describe("showing an operation", () => {
  it("draws over what it drew on a terminal, hides the cursor meanwhile, and gives it back", () => {
    const terminal = stream(true);
    const display = createDisplay(terminal);
    display.show(running);
    const first = terminal.text();
    expect(first.startsWith("\x1b[?25l")).toBe(true);
    expect(first.split("\n")).toHaveLength(4);
    display.show(ended);
    const second = terminal.text();
    expect(second.startsWith("\x1b[3A\r\x1b[J")).toBe(true);
    expect(second).toContain("Do b");
    display.end();
    expect(terminal.text()).toBe("\x1b[?25h");
    display.end();
    expect(terminal.text()).toBe("");
  });

  it("says why a step is tried again", () => {
    const error = { code: "server_unreachable", title: "No.", detail: "The server doesn't answer." };
    const steps = [step("a", { status: "failed", tookMs: 5, error })];
    const waiting = operation({ status: "waiting", waitUntil: "2026-01-01T00:00:01.000Z", steps });
    const log = stream(false);
    createDisplay(log).show(waiting);
    expect(log.text()).toBe("failed: Do a (5 ms), tries again: The server doesn't answer.\n");
    const terminal = stream(true);
    const display = createDisplay(terminal);
    display.show(waiting);
    expect(terminal.text()).toContain("tries again: ");
    display.end();
  });

  it("writes a line for each step that is over elsewhere, once, and moves no cursor", () => {
    const log = stream(false);
    const display = createDisplay(log);
    display.show(running);
    display.show(ended);
    display.show(ended);
    display.end();
    expect(log.text()).toBe("done: Do a (5 ms)\ndone: Do b (7 ms)\n");
  });
});
