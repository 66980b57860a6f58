import { type JobKey, openJob, type SealedJob, sealJob } from "@tenantry/data";
import { breach, failed, refused, skipped } from "../../../drivers/probe.ts";
import type { Api } from "../../../infra/http/index.ts";
import { ask } from "./ask.ts";
import type { RuntimeGround, RuntimeProbe } from "./runtime-routes.ts";

const purpose = "tenantry-isolation";
const noBytes = Buffer.alloc(32).toString("base64");

/** What an application seals its jobs with, as the API tells the bearer of its key; undefined where it tells nothing. */
async function jobKeyOf(api: Api, key: string | undefined): Promise<JobKey | undefined> {
  const { status, body } = await ask(api, { method: "GET", url: "/v1/runtime/snapshot", key });
  if (status !== 200) return undefined;
  const { jobKey, audience } = body as { jobKey: string; audience: string };
  return { key: jobKey, audience };
}

/** A job of the canary's, and the same with the neighbour as its owner, in each way that a queue's writer has. */
function forgeries(own: SealedJob, { from, to }: RuntimeGround, { audience }: JobKey): Map<string, unknown> {
  const owner = { tenantId: own.tenantry.tenant, environmentId: to.environment };
  const bearing = (change: object) => ({ ...own, tenantry: { ...own.tenantry, ...change } });
  return new Map<string, unknown>([
    ["another environment in it", bearing({ environment: to.environment })],
    ["no seal", bearing({ environment: to.environment, seal: "" })],
    ["other data in it", { ...own, data: { environment: to.environment } }],
    ["nothing but an environment", { environment: to.environment, data: {} }],
    ["a seal by no key", sealJob({ key: "", audience }, purpose, owner, {})],
    ["a seal by a key of zeros", sealJob({ key: noBytes, audience }, purpose, owner, {})],
    ["a seal by the neighbour's id", sealJob({ key: btoa(to.environment), audience }, purpose, owner, {})],
    ["a seal by its own id", sealJob({ key: btoa(from.environment), audience }, purpose, owner, {})],
  ]);
}

/** Jobs that applications send through a queue: whoever can write to it can't make them another tenant's. */
export const jobProbes: readonly RuntimeProbe[] = [
  {
    id: "jobs.other-tenant",
    path: "jobs",
    title:
      "make a job of its own in a queue the neighbour's, or another job; find the key that jobs are sealed with",
    remedy: "Stop the application's workers and upgrade: jobs are worked off for whoever they name.",
    covers: [],
    async run(ground) {
      const { api, appKey, from } = ground;
      for (const key of [undefined, from.session])
        if (await jobKeyOf(api, key)) return breach("The key that jobs are sealed with is told to anybody.");
      const jobKey = await jobKeyOf(api, appKey);
      if (!jobKey) return failed("the application isn't told what it seals jobs with");
      const owner = { tenantId: "tnt_canary", environmentId: from.environment };
      const own = sealJob(jobKey, purpose, owner, {});
      if ("refused" in openJob(jobKey, purpose, own)) return failed("its own job isn't worked off either");
      const others = forgeries(own, ground, jobKey);
      for (const [how, job] of others)
        if (!("refused" in openJob(jobKey, purpose, job))) return breach(`A job with ${how} is worked off.`);
      if (!("refused" in openJob(jobKey, `${purpose}-2`, own)))
        return breach("A job is worked off in another queue than its own.");
      return refused(`${others.size + 1} jobs, each for its seal`);
    },
  },
  {
    id: "jobs.other-application",
    path: "jobs",
    title: "seal a job for the neighbour as another application does",
    remedy: "Stop the API and upgrade: two applications are told the same key for their jobs.",
    covers: [],
    async run({ api, appKey, strangersKey, to }) {
      if (strangersKey === undefined) return skipped("there is one application only");
      const [own, strangers] = [await jobKeyOf(api, appKey), await jobKeyOf(api, strangersKey)];
      if (!own || !strangers) return failed("an application isn't told what it seals jobs with");
      const owner = { tenantId: "tnt_canary", environmentId: to.environment };
      for (const audience of [strangers.audience, own.audience]) {
        const job = sealJob({ key: strangers.key, audience }, purpose, owner, {});
        if (!("refused" in openJob(own, purpose, job)))
          return breach("A job that another application has sealed is worked off.");
      }
      return refused("2 jobs, each for its seal");
    },
  },
];
