import { setTimeout as delay } from "node:timers/promises";
import {
  type Confinement,
  type ProcessState,
  type SupervisedProcess,
  superviseProcess,
} from "../../infra/app-process/index.ts";
import { type Db, inTransaction, type Notifications } from "../../infra/db/index.ts";
import type { Log } from "../../infra/log/index.ts";
import type { Secrets } from "../../infra/secrets/index.ts";
import { newId } from "../../kernel/index.ts";
import { createApiKey } from "../access/index.ts";
import {
  deleteInstance,
  type InstanceChange,
  insertInstance,
  selectInstanceIdsOf,
  selectWantedReleases,
  updateInstance,
  type WantedRelease,
} from "./instances.sql.ts";
import { refreshStaleUpstreams, refreshUpstream } from "./upstreams.ts";
import { openVariables } from "./variables.ts";

export type AppRunnerOptions = {
  db: Db;
  /** Opens the variables of releases. */
  secrets: Secrets;
  notifications: Notifications;
  log: Log;
  nodeId: string;
  /** Where the processes find the API: TENANTRY_URL. */
  apiUrl: string;
  /** Directories that an application's processes must reach: where its tenants' files are. */
  reachesOf: (appId: string) => Promise<readonly string[]>;
  /** Directories and files that none of them may see where it runs as our own user. */
  hides: readonly string[];
  confinement: Confinement;
  /** A directory of this node's own, for what it takes to end processes that outlive us. */
  recordsDirectory: string;
  /** Whether gateways of other nodes may be sending requests here. */
  isRoutedByOthers: () => Promise<boolean>;
};

export type AppRunner = {
  /** Resolves when every process that should serve here now has answered, or has failed once. */
  settled(): Promise<void>;
  stop(): Promise<void>;
};

/** Requests under way at a release that was replaced get this long before its process is told to end. */
const drainMs = 5_000;
const lookEveryMs = 2_000;
/** Until then gateways elsewhere have learnt where an application answers no more. */
const withdrawalMs = 1_000;

/** Keeps the processes of all apps that have a command running on this node, and gateways informed of them. */
export function runApps(options: AppRunnerOptions): AppRunner {
  const { db, log } = options;
  const running = new Map<string, Instance>();
  let stopped = false;
  let looking: Promise<void> = Promise.resolve();

  function look(): void {
    looking = looking.then(async () => {
      if (stopped) return;
      try {
        await converge();
      } catch (error) {
        log.warn({ error: (error as Error).message }, "apps.look-failed");
      }
    });
  }

  async function converge(): Promise<void> {
    await refreshStaleUpstreams(db);
    const wanted = await selectWantedReleases(db);
    const known = new Set(await selectInstanceIdsOf(db, options.nodeId));
    for (const [releaseId, instance] of running) {
      // Others took this node for dead: its instances lost their keys and must begin again.
      if (!known.has(instance.id)) retire(releaseId, instance, 0);
    }
    for (const release of wanted) {
      if (!running.has(release.id)) running.set(release.id, await startInstance(options, release));
    }
    for (const [releaseId, instance] of running) {
      if (!wanted.some((release) => release.id === releaseId)) retire(releaseId, instance, drainMs);
    }
  }

  function retire(releaseId: string, instance: Instance, afterMs: number): void {
    running.delete(releaseId);
    retiring.add(instance);
    setTimeout(() => void instance.end().finally(() => retiring.delete(instance)), afterMs).unref();
  }

  const retiring = new Set<Instance>();
  const unlisten = options.notifications.on("tenantry_apps", look);
  const timer = setInterval(look, lookEveryMs);
  timer.unref();
  look();

  return {
    async settled() {
      await looking;
      await Promise.all([...running.values()].map((instance) => instance.settled));
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      unlisten();
      await looking;
      const instances = [...running.values(), ...retiring];
      if (instances.length > 0 && (await options.isRoutedByOthers().catch(() => false))) {
        await Promise.all(instances.map((instance) => instance.withdraw()));
        await delay(withdrawalMs);
      }
      await Promise.all(instances.map((instance) => instance.end()));
    },
  };
}

type Instance = {
  id: string;
  /** The registry knows how the first start went, or nobody waits for it but the operation that makes it ready. */
  settled: Promise<void>;
  /** Gateways send nothing more to it; the process goes on. Repeatable. */
  withdraw(): Promise<void>;
  end(): Promise<void>;
};

async function startInstance(options: AppRunnerOptions, release: WantedRelease): Promise<Instance> {
  const { db } = options;
  const id = newId();
  const { appId, appSlug: app } = release;
  const log = options.log.child({ app, release: release.number, instanceId: id });
  const reaches = await options.reachesOf(appId);
  const appKey = await inTransaction(db, async (tx) => {
    await insertInstance(tx, { id, appId, releaseId: release.id, nodeId: options.nodeId });
    return (await createApiKey(tx, { kind: "app", appId, instanceId: id, name: `instance of ${app}` })).key;
  });
  // States are written one after the other, so that the last one said is the last one written.
  let writing: Promise<void> = Promise.resolve();
  const write = (work: () => Promise<void>) => {
    writing = writing
      .then(work)
      .catch((error: Error) => log.warn({ error: error.message }, "instance.write-failed"));
  };
  const settled = Promise.withResolvers<void>();
  if (!release.serves) settled.resolve();
  const onState = (state: ProcessState) => {
    log.info(state, `instance.${state.state}`);
    if (state.state === "stopped" || withdrawn) return settled.resolve();
    write(() =>
      inTransaction(db, async (tx) => {
        await updateInstance(tx, id, changeOf(state));
        await refreshUpstream(tx, appId);
      }),
    );
    if (state.state !== "starting") void writing.then(settled.resolve);
  };
  const supervised: SupervisedProcess = superviseProcess({
    launch: {
      command: release.command!,
      workingDirectory: release.workingDirectory ?? "/",
      uid: release.runAsUid,
      reaches,
      hides: options.hides,
    },
    confinement: options.confinement,
    recordsDirectory: options.recordsDirectory,
    variables: async () => ({
      ...openVariables(options.secrets, release),
      TENANTRY_URL: options.apiUrl,
      TENANTRY_APP_KEY: appKey,
    }),
    healthPath: release.healthPath,
    log,
    onState,
  });
  let withdrawn = false;
  async function withdraw(): Promise<void> {
    if (!withdrawn) {
      withdrawn = true;
      write(() =>
        inTransaction(db, async (tx) => {
          await updateInstance(tx, id, { state: "stopped", url: null, processId: null });
          await refreshUpstream(tx, appId);
        }),
      );
    }
    await writing;
  }
  let ending: Promise<void> | undefined;
  async function end(): Promise<void> {
    void withdraw();
    await supervised.stop();
    write(() => inTransaction(db, (tx) => deleteInstance(tx, id)));
    await writing;
  }
  return { id, settled: settled.promise, withdraw, end: () => (ending ??= end()) };
}

function changeOf(state: Exclude<ProcessState, { state: "stopped" }>): InstanceChange {
  if (state.state === "healthy") return { state: "healthy", url: state.url, processId: state.processId };
  if (state.state === "starting") return { state: "starting", url: null, processId: state.processId };
  return {
    state: "backing_off",
    url: null,
    processId: null,
    restarts: state.restarts,
    lastError: state.error,
  };
}
