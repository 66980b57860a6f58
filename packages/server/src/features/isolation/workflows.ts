import type { DatabaseLevel, IsolationReport } from "@tenantry/contract";
import type { Tx } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import type { Log } from "../../infra/log/index.ts";
import type { DocumentSigner } from "../../infra/signing/index.ts";
import { type StepContext, step, type Workflow } from "../../infra/workflow/index.ts";
import { newId, showId } from "../../kernel/index.ts";
import { type CanaryParts, ensureCanaries, standingPairs, wantedLevels } from "./canaries.ts";
import { driversNow } from "./drivers.ts";
import { markCanary, unmarkCanary, unmarkedTables } from "./markers.ts";
import { makeReport, signReport } from "./report.ts";
import { insertReport } from "./reports.sql.ts";
import { gatherSubjects, type Subjects } from "./subjects.ts";
import { type VerifyParts, verifyIsolation } from "./verify.ts";

export type VerifyInput = { tenantId?: string; level?: DatabaseLevel; sample: number };

export type IsolationParts = VerifyParts &
  Omit<CanaryParts, "db"> & {
    log: Log;
    /** `urn:uuid:…` */
    installation: string;
    signer: () => Promise<DocumentSigner>;
  };

type Context = StepContext<VerifyInput>;

export const verifyKind = "isolation.verify";

/** Makes the canaries that are missing, tries every way between them and into tenants, and writes down what came of it. */
export function verifyWorkflow(parts: IsolationParts): Workflow<VerifyInput> {
  return {
    kind: verifyKind,
    version: 1,
    steps: [
      step<VerifyInput>("canaries", {
        title: "See to the canaries",
        run: async (context) =>
          (await ensureCanaries(parts, context, await wantedLevels(parts, context.input.level))) ?? {},
      }),
      step<VerifyInput>("look", {
        title: "Look what the canaries' tables hold",
        run: async (context) =>
          unmarkedTables(parts, canariesOf((await subjectsOf(parts, context)).subjects), context.signal),
        undo: (context) => unmark(parts, context),
      }),
      step<VerifyInput>("probe", {
        title: "Try every way from one tenant to another",
        run: (context) => probe(parts, context),
      }),
      step<VerifyInput>("tidy", {
        title: "Take the canaries' rows away",
        run: (context) => unmark(parts, context),
      }),
    ],
  };
}

async function subjectsOf(parts: IsolationParts, { db, input }: Context) {
  const levels = await wantedLevels(parts, input.level);
  const pairs = await standingPairs(db, levels);
  return { levels, standing: pairs, subjects: await gatherSubjects({ ...parts, db }, pairs, input) };
}

const canariesOf = ({ pairs }: Subjects) => pairs.flatMap(({ a, b }) => [a, b]);

async function unmark(parts: IsolationParts, context: Context): Promise<void> {
  const tables = (context.results.look ?? {}) as Record<string, string[]>;
  const { subjects } = await subjectsOf(parts, context);
  for (const canary of canariesOf(subjects))
    await unmarkCanary(parts, canary, tables[canary.environmentId] ?? [], context.signal);
}

async function probe(parts: IsolationParts, context: Context): Promise<object> {
  const { tenantId, level, sample } = context.input;
  const startedAt = new Date();
  const { levels, standing: pairs, subjects } = await subjectsOf(parts, context);
  const { signal } = context;
  const marking = { drivers: await driversNow(parts.drivers, context.db), log: parts.log };
  for (const one of canariesOf(subjects)) await markCanary(marking, one, signal);
  const attempts = await verifyIsolation(parts, subjects, {
    signal,
    progress: (fraction, message) => context.progress(fraction, message),
  });
  const missing = levels.filter(
    (one) => !pairs.some((pair) => pair.level === one.level && pair.appId === one.appId),
  );
  for (const { appSlug, level: at } of missing) attempts.push(withoutCanaries(`${appSlug}/${at}`));
  const id = newId();
  const report = makeReport(
    {
      id: showId("rpt", id),
      operationId: showId("op", context.operationId),
      installation: parts.installation,
      startedAt: startedAt.toISOString(),
      endedAt: new Date().toISOString(),
      scope: {
        tenant: tenantId ? showId("tnt", tenantId) : null,
        level: level ?? null,
        sample,
        canaries: pairs.map(({ appSlug, level: at }) => `${appSlug}/${at}`),
      },
    },
    attempts,
  );
  await save(parts, context, id, report);
  return { reportId: report.id, verdict: report.verdict };
}

function withoutCanaries(where: string) {
  return {
    probe: "canaries",
    path: "registry" as const,
    from: "-",
    to: `canary ${where}`,
    tried: "work with a pair of canaries",
    outcome: "failed" as const,
    answer: "They couldn't be provisioned: see `tenantry operation list --internal`.",
    remedy: null,
  };
}

async function save(
  parts: IsolationParts,
  context: Context,
  id: string,
  report: ReturnType<typeof makeReport>,
): Promise<void> {
  const document = signReport(report, await parts.signer());
  const { counts, attempts, verdict } = report;
  const amiss = attempts.filter(({ outcome }) => outcome === (verdict === "breached" ? "breach" : "failed"));
  const row = {
    ...{ id, operationId: context.operationId, verdict },
    attempts: attempts.length,
    breaches: counts.breach,
    failed: counts.failed,
    skipped: counts.skipped,
    startedAt: new Date(report.startedAt),
    endedAt: new Date(report.endedAt),
  };
  const isNew = await context.transaction(async (tx) => {
    if (!(await insertReport(tx, row, document))) return false;
    if (verdict !== "isolated") await tell(tx, report, [...new Set(amiss.map(({ probe }) => probe))]);
    return true;
  });
  if (!isNew) return;
  for (const { probe, from, to, answer, remedy } of amiss) {
    const said = { reportId: report.id, probe, from, to, answer, remedy };
    if (verdict === "breached") parts.log.error(said, "isolation.breached");
    else parts.log.warn(said, "isolation.incomplete");
  }
}

async function tell(tx: Tx, { id, counts, verdict }: IsolationReport, probes: string[]): Promise<void> {
  if (verdict === "breached") {
    const data = { reportId: id, breaches: counts.breach, probes };
    await recordEvent(tx, { name: "isolation.breached", data });
  } else {
    await recordEvent(tx, {
      name: "isolation.incomplete",
      data: { reportId: id, failed: counts.failed, probes },
    });
  }
}
