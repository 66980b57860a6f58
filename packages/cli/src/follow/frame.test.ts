import fc from "fast-check";
import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import type { Look } from "../output/look.ts";
import { operation, step } from "../testing/operations.ts";
import { frame } from "./frame.ts";

const look = (width: number): Look => ({ width, now: 0, paint: (_tone, text) => text });
const moment = { tick: 0, elapsedMs: 1234, rows: 24 };

describe("an operation on the screen", () => {
  it("shows its steps, what it is doing, how far it is and for how long", () => {
    const steps = [
      step("a", { status: "done", tookMs: 12, attempt: 1 }),
      step("b", { status: "running", attempt: 3 }),
      step("c"),
    ];
    expect(frame(operation({ steps, progress: 0.5, message: "Tenant 5 of 10" }), look(80), moment)).toEqual([
      "✔ Do a  12 ms",
      "⠋ Do b  attempt 3",
      "· Do c",
      `${"━".repeat(12)}${"╌".repeat(12)}  50 %  1.2 s  Tenant 5 of 10`,
    ]);
  });

  it("shows how it is undone", () => {
    const steps = [
      step("a", { status: "undone", tookMs: 1 }),
      step("b", { status: "undoing" }),
      step("c", { status: "failed", tookMs: 5 }),
    ];
    expect(frame(operation({ steps, status: "undoing" }), look(80), moment)).toEqual([
      "↺ Do a  undone",
      "⠋ Do b  being undone",
      "✖ Do c  5 ms",
      `${"╌".repeat(24)}  0 %  1.2 s  undoing what was done`,
    ]);
  });

  it("leaves the steps alone at the end", () => {
    const steps = [step("a", { status: "done", tookMs: 12 })];
    const ended = operation({ steps, status: "succeeded", endedAt: "2026-01-01T00:00:01.000Z" });
    expect(frame(ended, look(80), moment)).toEqual(["✔ Do a  12 ms"]);
  });

  it("fits any terminal, however many steps there are and whatever they are called", () => {
    const status = fc.constantFrom("done", "running", "pending", "failed", "undoing", "undone");
    const anyStep = fc.tuple(fc.string({ unit: "grapheme", maxLength: 200 }), status);
    fc.assert(
      fc.property(
        fc.array(anyStep, { maxLength: 60 }),
        fc.integer({ min: 20, max: 200 }),
        fc.integer({ min: 6, max: 60 }),
        (some, width, rows) => {
          const steps = some.map(([title, status], i) => step(String(i), { title, status, tookMs: 3 }));
          const lines = frame(operation({ steps, message: "m".repeat(300) }), look(width), {
            ...moment,
            rows,
          });
          expect(lines.length).toBeLessThan(rows);
          for (const line of lines) expect(stringWidth(line)).toBeLessThan(width);
        },
      ),
    );
  });

  it("keeps the step at work in sight", () => {
    const steps = Array.from({ length: 40 }, (_, i) =>
      step(`s${i}`, { status: i < 20 ? "done" : i === 20 ? "running" : "pending" }),
    );
    const lines = frame(operation({ steps }), look(80), { ...moment, rows: 10 });
    expect(lines.some((line) => line.includes("Do s20"))).toBe(true);
  });
});
