import { describe, expect, it } from "vitest";
import { breach, refused } from "../../drivers/probe.ts";
import { type Attempt, attemptsOf, tryAll } from "./attempts.ts";

const probe = { id: "test.probe", path: "database", title: "try it", remedy: "mend it" } as const;
const attempt = (run: Attempt["run"], from = "a"): Attempt => ({ probe, from, to: "b", run });
const never = new AbortController().signal;
const options = { signal: never, laneOf: ({ from }: Attempt) => from, tried: async () => undefined };

describe("attempts", () => {
  it("that can't be made are recorded with the reason, and never count as refused", async () => {
    const failing = attempt(() => Promise.reject(new Error("connection refused")));
    const throwing = attempt(() => {
      throw new Error("no such thing");
    });
    const results = await tryAll([failing, throwing], options);
    expect(results.map(({ outcome, answer }) => [outcome, answer])).toEqual([
      ["failed", "It couldn't be tried: connection refused"],
      ["failed", "It couldn't be tried: no such thing"],
    ]);
  });

  it("on ground that nothing can be made of are recorded with the reason, and keep no others from being made", async () => {
    const strange = () => {
      throw new Error("no such place");
    };
    const names = { from: "a", to: "b" };
    const made = attemptsOf(
      [
        { ...probe, applies: strange, run: strange },
        { ...probe, run: async () => refused("no") },
      ],
      {},
      names,
    );
    const results = await tryAll(made, options);
    expect(results.map(({ outcome, answer }) => [outcome, answer])).toEqual([
      ["failed", "It couldn't be tried: no such place"],
      ["refused", "no"],
    ]);
  });

  it("that get through carry what to do; others don't", async () => {
    const runs = [breach("seen"), breach("seen", "do this"), refused("no")];
    const results = await tryAll(
      runs.map((answer) => attempt(async () => answer)),
      options,
    );
    expect(results.map(({ remedy }) => remedy)).toEqual(["mend it", "do this", null]);
  });

  it("of one lane never run beside each other, and all stand in the report in their order", async () => {
    let running = 0;
    let most = 0;
    const all = Array.from({ length: 12 }, (_, index) =>
      attempt(async () => {
        running += 1;
        most = Math.max(most, running);
        await Promise.resolve();
        running -= 1;
        return refused(String(index));
      }),
    );
    const results = await tryAll(all, options);
    expect(most).toBe(1);
    expect(results.map(({ answer }) => answer)).toEqual(all.map((_, index) => String(index)));
  });

  it("end with the operation that makes them", async () => {
    const stop = new AbortController();
    const all = [
      attempt(async () => {
        stop.abort(new Error("cancelled"));
        return refused("once");
      }),
      attempt(() => Promise.reject(new Error("it was tried after the end"))),
    ];
    await expect(tryAll(all, { ...options, signal: stop.signal })).rejects.toThrow("cancelled");
  });

  it("never repeat a line break or a control character of what they met", async () => {
    const [result] = await tryAll([attempt(async () => refused("a\nb\u001b[31mc"))], options);
    expect(result!.answer).toBe("a b [31mc");
  });
});
