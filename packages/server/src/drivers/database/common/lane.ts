import { createHash } from "node:crypto";
import type { DatabaseLevel } from "@tenantry/contract";
import type pg from "pg";
import { encodeUuid } from "../../../kernel/index.ts";
import type {
  DriverContext,
  InLane,
  LaneRequest,
  Migrate,
  MigrateRequest,
  PhysicalDatabase,
} from "../driver.ts";
import type { MigratorRun } from "./apply-migrations.ts";
import { cutOff } from "./cut-off.ts";
import { connectMigrator, isAnswer, removeMigrator } from "./migrator.ts";
import type { DriverParts } from "./parts.ts";
import { createLoginRole, grantMembership, terminateRole } from "./roles.sql.ts";
import { newPassword, scramVerifier } from "./scram.ts";
import { takeName, yieldName } from "./session.sql.ts";
import { type Session, withSession } from "./session.ts";

/** What is particular to a level. */
export type LaneKind = {
  level: DatabaseLevel;
  /** The name by whose lock a lane's login is made and removed. */
  lockOf(login: string): string;
  /** The lock that keeps everybody else from a database. */
  nameOf(database: PhysicalDatabase): string;
  /** Once for the lane: what its login is given beside the ledgers. */
  open(lane: Lane): Promise<void>;
  /** Gives the lane's login what it needs for one database, for as long as that takes; and takes it back. */
  admit(lane: Lane, database: PhysicalDatabase): Promise<void>;
  dismiss(lane: Lane, database: PhysicalDatabase): Promise<void>;
  apply(lane: Lane, database: PhysicalDatabase): Promise<number>;
};

export type Lane = {
  parts: DriverParts;
  request: LaneRequest;
  session: Session;
  login: string;
  password: string;
  client: pg.Client | undefined;
};

/**
 * One session that watches and one login that runs files, for many databases of a server after each other. At any time
 * the login reaches the one database whose turn it is: rights are given before, and taken back after. It is gone at the
 * end, or with the next lane of that operation and name, or with the sweeper.
 */
export async function inLane<Result>(
  parts: DriverParts,
  kind: LaneKind,
  request: LaneRequest,
  work: (migrate: Migrate) => Promise<Result>,
): Promise<Result> {
  const { context, server } = request;
  const login = loginOf(context.operationId, request.lane);
  const { level } = kind;
  const resource = { kind: "role", driver: level, serverId: server.id, physicalName: login };
  return withSession(parts.connect, context, server, kind.lockOf(login), async (session) => {
    await context.declareResource({ ...resource, temporary: true });
    const lane: Lane = { parts, request, session, login, password: newPassword(), client: undefined };
    const cut = () => lane.client && cutOff(lane.client);
    context.signal.addEventListener("abort", cut, { once: true });
    const [result, error] = await settled(async () => {
      await makeLogin(lane);
      await kind.open(lane);
      return work((database) => migrateOne(kind, lane, database));
    });
    context.signal.removeEventListener("abort", cut);
    await disconnect(lane);
    // After an error the session may be of no use: then it is for the lane's next holder, or for the sweeper.
    const [, left] = await settled(async () => {
      await removeMigrator(session, login);
      await context.resourceRemoved(resource);
    });
    context.signal.throwIfAborted();
    if (error ?? left) throw error ?? left;
    return result as Result;
  });
}

/** Implements `DatabaseDriver.migrate` by a lane for one database. */
export async function migrateAlone(
  open: InLane,
  context: DriverContext,
  { server, schema, database }: MigrateRequest,
): Promise<{ applied: number; schemaVersion: number }> {
  const request = { context, server, schema, lane: database.name };
  const { applied } = await open(request, (migrate) => migrate(database));
  return { applied, schemaVersion: schema.migrations.length };
}

/** The same for each holder of the operation, so that the next one clears away what this one leaves. */
function loginOf(operationId: string, lane: string): string {
  const digest = createHash("sha256").update(`${operationId} ${lane}`).digest("hex");
  return `tnm_${encodeUuid(digest.slice(0, 32))}`;
}

/** Repetitions make words dear to guess: 192 random bits need none, and a lane logs in many times. */
const iterations = 1;

async function makeLogin({ parts, session, login, password }: Lane): Promise<void> {
  await removeMigrator(session, login);
  await createLoginRole(session, {
    name: login,
    verifier: await scramVerifier(password, undefined, iterations),
    connectionLimit: 1,
    memberships: [grantMembership(session, parts.roles.ledger, login, { inherit: true, set: false })],
  });
}

async function migrateOne(
  kind: LaneKind,
  lane: Lane,
  database: PhysicalDatabase,
): Promise<{ applied: number }> {
  const { context } = lane.request;
  const name = kind.nameOf(database);
  const holder = { operation: encodeUuid(context.operationId), fence: context.fence };
  await lane.session.inspect((client) => takeName(client, holder, name));
  await kind.admit(lane, database);
  const [applied, error] = await settled(() => kind.apply(lane, database));
  if (error) await disconnect(lane);
  // A file that fails is an answer. After anything else, the lane's end takes back what was given.
  if (error && !isAnswer(error)) throw error;
  await kind.dismiss(lane, database);
  await lane.session.inspect((client) => yieldName(client, name));
  if (error) throw error;
  return { applied: applied! };
}

/** The lane's connection for running files, opened when it isn't. */
export async function connected(
  lane: Lane,
  to: { database: string; settings: Record<string, string> },
): Promise<MigratorRun> {
  const { parts, request, session, login, password } = lane;
  const { context, server } = request;
  lane.client ??= await connectMigrator(parts, {
    ...{ context, server, migrator: login, password, database: to.database },
    settings: to.settings,
  });
  // It may have been aborted while it was being opened.
  if (context.signal.aborted) cutOff(lane.client);
  context.signal.throwIfAborted();
  const terminate = () => terminateRole(session, login);
  return { client: lane.client, context, limits: parts.limits, terminate };
}

export async function disconnect(lane: Lane): Promise<void> {
  await lane.client?.end().catch(() => undefined);
  lane.client = undefined;
}

async function settled<Result>(work: () => Promise<Result>): Promise<readonly [Result | undefined, unknown]> {
  return work().then(
    (result) => [result, undefined] as const,
    (error: unknown) => [undefined, error] as const,
  );
}
