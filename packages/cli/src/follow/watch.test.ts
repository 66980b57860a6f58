import { describe, expect, it } from "vitest";
import { createClient } from "../api/client.ts";
import { type Answer, startFakeApi } from "../testing/fake-api.ts";
import { operation } from "../testing/operations.ts";
import { watchOperation } from "./watch.ts";

const running = (progress: number) => operation({ progress });
const done = operation({ status: "succeeded", progress: 1, endedAt: "2026-01-01T00:00:01.000Z" });

/** Watches an API that gives one answer after another, the last one for ever. */
async function watched(answers: readonly Answer[], id = "op_1") {
  let next = 0;
  await using api = await startFakeApi(() => answers[Math.min(next++, answers.length - 1)]!);
  const client = createClient({ url: api.url, apiKey: "key" });
  const seen: number[] = [];
  let failure: unknown;
  try {
    for await (const { progress } of watchOperation(client, id, [1, 1, 1])) seen.push(progress);
  } catch (error) {
    failure = (error as { problem: unknown }).problem;
  }
  return { seen, failure, asked: api.asked.map(({ url }) => url) };
}

describe("watching an operation", () => {
  it("ends with the operation, however long the stream would stay open", async () => {
    expect(await watched([{ events: [running(0.5), done], open: true }])).toMatchObject({
      seen: [0.5, 1],
      failure: undefined,
    });
  });

  it.each(["failed", "cancelled", "needs_operator"] as const)("ends when it is %s", async (status) => {
    expect(await watched([{ events: [operation({ status })], open: true }])).toMatchObject({ seen: [0] });
  });

  it("connects again when the connection breaks, is refused for now, or ends too early", async () => {
    const unavailable = { title: "Not now.", status: 503, code: "unavailable" };
    const { seen, failure, asked } = await watched([
      { events: [running(0.1)], broken: true },
      { status: 503, body: unavailable },
      { events: [running(0.3)] },
      { events: [done] },
    ]);
    expect({ seen, failure }).toEqual({ seen: [0.1, 0.3, 1], failure: undefined });
    expect(asked).toEqual(Array(4).fill("/v1/operations/op_1/events"));
  });

  it("gives up when the API stays away, and says that the work may go on", async () => {
    const unavailable = { title: "Not now.", status: 503, code: "unavailable" };
    const { failure, asked } = await watched([
      { events: [running(0.1)] },
      { status: 503, body: unavailable },
    ]);
    expect(failure).toMatchObject({
      title: "The connection was lost; the operation may still go on.",
      remedy: "Look again with: tenantry operation watch op_1",
    });
    expect(asked.length).toBeLessThanOrEqual(6);
  });

  it("gives up on streams that never say anything", async () => {
    expect(await watched([{ events: [] }])).toMatchObject({ failure: { code: "installation_unreachable" } });
  });

  it("says at once what the API refuses for good", async () => {
    const problem = { title: "No such operation.", status: 404, code: "operation_not_found" };
    const { failure, asked } = await watched([{ status: 404, body: problem }], "op/../1");
    expect(failure).toEqual(problem);
    expect(asked).toEqual(["/v1/operations/op%2F..%2F1/events"]);
  });
});
