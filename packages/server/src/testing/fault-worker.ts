import { createDb, createNotifications, sql } from "../infra/db/index.ts";
import { createLog } from "../infra/log/index.ts";
import { createWorker, LeaseLost } from "../infra/workflow/index.ts";
import { type Breakpoint, faultWorkflow } from "./fault-workflow.ts";

/**
 * A worker in a process of its own, started by `startFaultWorker` with `{ url, leaseMs, stopAt }`. It says on standard
 * output where it is, stops for good at the breakpoint `stopAt`, and there tries to write once its signal aborts.
 */
const { url, leaseMs, stopAt } = JSON.parse(process.argv[2]!) as {
  url: string;
  leaseMs: number;
  stopAt?: string;
};

const say = (line: string) => process.stdout.write(`${line}\n`);

const breakpoint: Breakpoint = async (where, context) => {
  say(`at ${where}`);
  if (where !== stopAt) return;
  await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
  say(`aborted: ${(context.signal.reason as Error).name}`);
  const writes = [
    () => context.transaction((tx) => sql`delete from effects`.execute(tx)),
    () => context.assertLease(),
    () => context.declareResource({ kind: "directory", driver: "test", physicalName: "zombie" }),
  ];
  for (const write of writes)
    say(
      await write().then(
        () => "written",
        (error) => (error instanceof LeaseLost ? "refused" : String(error)),
      ),
    );
  // And now it goes on as if nothing had happened.
};

const log = createLog({ level: "error" });
const db = createDb({ url, applicationName: "fault worker" });
const notifications = createNotifications({ url, applicationName: "fault worker", log });
const worker = createWorker({ db, url, notifications, workflows: [faultWorkflow(breakpoint)], log, leaseMs });
await worker.start();
say("ready");
// Nobody outlives the test.
process.stdin.on("end", () => process.exit()).resume();
