import { describe, expect, it } from "vitest";
import { createShutdown } from "./shutdown.ts";

function recorded() {
  const shutdown = createShutdown();
  const acts: string[] = [];
  const end = (name: string) => async () => {
    acts.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    acts.push(`${name} ended`);
  };
  return { shutdown, acts, end };
}

describe("a shutdown", () => {
  it("ends traffic, then applications, then the API, then the base backwards, each when the one before has ended", async () => {
    const { shutdown, acts, end } = recorded();
    shutdown.base.defer(end("registry"));
    shutdown.base.defer(end("node"));
    shutdown.api.push(end("api"));
    shutdown.applications.push(end("applications"));
    shutdown.traffic.push(end("gateway"), end("worker"));
    await Promise.all([shutdown.end(), shutdown.end()]);
    expect(acts).toEqual([
      "gateway begins",
      "worker begins",
      "gateway ended",
      "worker ended",
      ...["applications", "api", "node", "registry"].flatMap((name) => [`${name} begins`, `${name} ended`]),
    ]);
  });

  it("ends the rest when something fails to end, and says what failed", async () => {
    const { shutdown, acts, end } = recorded();
    shutdown.base.defer(end("registry"));
    shutdown.api.push(end("api"));
    shutdown.traffic.push(() => Promise.reject(new Error("stuck")), end("worker"));
    await expect(shutdown.end()).rejects.toThrow("stuck");
    expect(acts.filter((act) => act.endsWith("ended"))).toEqual([
      "worker ended",
      "api ended",
      "registry ended",
    ]);
  });

  it("drains from the first moment on, and once", async () => {
    const { shutdown } = recorded();
    expect(shutdown.isDraining()).toBe(false);
    const drained = shutdown.drain(20);
    expect(shutdown.isDraining()).toBe(true);
    await Promise.all([drained, shutdown.drain(60_000)]);
  });
});
