import { type Db, inTransaction } from "../../infra/db/index.ts";
import { showId } from "../../kernel/index.ts";
import { createApiKey, endApiKey, endInternalSessions, openInternalSession } from "../access/index.ts";
import { selectOtherApp } from "./subjects.sql.ts";
import type { Subject, Subjects } from "./subjects.ts";

/** A canary with a session of its own, as the API shows ids. */
export type Visitor = {
  name: string;
  slug: string;
  hostname: string | null;
  tenant: string;
  environment: string;
  session: string;
  user: string;
  proof: string;
};

/** What canaries and their applications have in hand for the time of a verification. */
export type Visitors = AsyncDisposable & {
  visitorOf(subject: Subject): Visitor;
  /** The key of an application, and of one that is another than it: undefined where there is none. */
  keyOf(appId: string): string;
  strangersKeyOf(appId: string): string | undefined;
};

/** Long enough for any verification; should the process die, its keys are no good after it. */
const lifetimeSeconds = 900;

export async function openVisitors(db: Db, { pairs }: Subjects): Promise<Visitors> {
  const made: { id: string }[] = [];
  const keys = new Map<string, string>();
  const strangers = new Map<string, string>();
  const visitors = new Map<string, Visitor>();

  async function keyFor(appId: string): Promise<string> {
    const known = keys.get(appId);
    if (known !== undefined) return known;
    const wanted = { kind: "app", appId, name: "isolation verification", lifetimeSeconds } as const;
    const { id, key } = await inTransaction(db, (tx) => createApiKey(tx, wanted));
    made.push({ id });
    keys.set(appId, key);
    return key;
  }

  const opened: Visitors = {
    visitorOf: ({ environmentId }) => visitors.get(environmentId)!,
    keyOf: (appId) => keys.get(appId)!,
    strangersKeyOf: (appId) => strangers.get(appId),
    async [Symbol.asyncDispose]() {
      for (const { id } of made) await inTransaction(db, (tx) => endApiKey(tx, id));
      for (const { a, b } of pairs) for (const one of [a, b]) await endInternalSessions(db, one.tenantId);
    },
  };
  try {
    for (const { appId, a, b } of pairs) {
      await keyFor(appId);
      const other = await selectOtherApp(db, appId);
      if (other !== undefined) strangers.set(appId, await keyFor(other));
      for (const one of [a, b]) visitors.set(one.environmentId, await openVisitor(db, one));
    }
    return opened;
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}

async function openVisitor(db: Db, subject: Subject): Promise<Visitor> {
  const { tenantId, environmentId, slug, hostname, name } = subject;
  const email = `canary@${slug}.invalid`;
  const { token, userId, proof } = await openInternalSession(db, { tenantId, environmentId, email });
  return {
    ...{ name, slug, hostname },
    tenant: showId("tnt", tenantId),
    environment: showId("env", environmentId),
    session: token,
    user: showId("usr", userId),
    proof,
  };
}
