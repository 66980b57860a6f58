import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { Api } from "../../../infra/http/index.ts";
import { jobProbes } from "./jobs.ts";
import type { RuntimeGround } from "./runtime-routes.ts";

type Told = { jobKey: string; audience: string };

const key = () => randomBytes(32).toString("base64");
const [otherTenant, otherApplication] = ["jobs.other-tenant", "jobs.other-application"].map(
  (id) => jobProbes.find((probe) => probe.id === id)!,
);

/** An API that tells each bearer what `told` says, and 401 to the others. */
function ground(told: Record<string, Told>): RuntimeGround {
  const inject = async ({ headers }: { headers: Record<string, string> }) => {
    const found = told[headers.authorization?.replace("Bearer ", "") ?? "nobody"];
    return {
      statusCode: found ? 200 : 401,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(found ?? { code: "unauthorized" }),
    };
  };
  return {
    api: { inject } as unknown as Api,
    db: undefined as never,
    appId: "",
    appKey: "application",
    strangersKey: "stranger" in told ? "stranger" : undefined,
    from: { environment: "env_a", session: "session" },
    to: { environment: "env_b", session: "other" },
  };
}

const application = { jobKey: key(), audience: "app_1" };

test("jobs that are made another tenant's are refused where the API tells each application a key of its own", async () => {
  const sound = ground({ application, stranger: { jobKey: key(), audience: "app_2" } });
  expect(await otherTenant!.run(sound)).toMatchObject({ outcome: "refused" });
  expect(await otherApplication!.run(sound)).toMatchObject({ outcome: "refused" });
  expect(await otherApplication!.run(ground({ application }))).toMatchObject({ outcome: "skipped" });
});

test("a key for jobs that is told to visitors or to nobody in particular, or that anybody knows, is a breach", async () => {
  const ways: Record<string, Told>[] = [
    { application, session: application },
    { application, nobody: application },
    { application: { ...application, jobKey: "" } },
    { application: { ...application, jobKey: Buffer.alloc(32).toString("base64") } },
    { application: { ...application, jobKey: btoa("env_b") } },
  ];
  for (const told of ways) expect(await otherTenant!.run(ground(told))).toMatchObject({ outcome: "breach" });
});

test("one key for the jobs of two applications is a breach", async () => {
  const stranger = { ...application, audience: "app_2" };
  expect(await otherApplication!.run(ground({ application, stranger }))).toMatchObject({ outcome: "breach" });
});

test("an application that is told nothing fails the attempt", async () => {
  expect(await otherTenant!.run(ground({}))).toMatchObject({ outcome: "failed" });
  expect(await otherApplication!.run(ground({ stranger: application }))).toMatchObject({ outcome: "failed" });
});
