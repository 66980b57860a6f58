import { breach, failed, type Probe, type ProbeAnswer, refused, skipped } from "../../../drivers/probe.ts";
import type { Db } from "../../../infra/db/index.ts";
import type { Api } from "../../../infra/http/index.ts";
import { parseId } from "../../../kernel/index.ts";
import { selectStrangers, selectUnseen } from "../subjects.sql.ts";
import { type Answered, ask, type Question } from "./ask.ts";

export type Visited = {
  /** `env_…` */
  environment: string;
  /** Of a canary: its session's token, whose that is (`usr_…`), and what proves that user's address. */
  session?: string;
  user?: string;
  proof?: string;
};

/** The application's own routes, asked in the name of one tenant about another. */
export type RuntimeGround = {
  api: Api;
  db: Db;
  appId: string;
  appKey: string;
  /** Of an application that has none of the two. */
  strangersKey: string | undefined;
  from: Visited & { session: string };
  to: Visited;
};

export type RuntimeProbe = Probe<RuntimeGround> & {
  /** The operations of the API that it asks. */
  readonly covers: readonly string[];
  /** Whether it may be aimed at tenants that serve people: even where it got through, nothing of theirs would change. */
  readonly harmless?: boolean;
};

const remedy = "Stop the API and upgrade: it takes one tenant's session for another's.";
const password = "a password that nobody has 7236";

/** Asks each, and wants all of them refused with one of the codes. */
async function allRefused(
  ground: RuntimeGround,
  codes: readonly string[],
  questions: readonly Question[],
): Promise<ProbeAnswer> {
  for (const question of questions) {
    const answer = await ask(ground.api, { key: ground.appKey, ...question });
    if (!codes.includes(answer.code))
      return breach(`${question.method} ${question.url} answers ${said(answer)}.`);
  }
  return refused(`${questions.length} requests: ${codes.join(" or ")}`);
}

const said = ({ status, code }: Answered): string => `${status} ${code}`.trim();

const nobody = "usr_00000000000000000000000000";

const usersOf = (environment: string): string => `/v1/runtime/environments/${environment}/users`;

const childrenOf = (environment: string): string => `/v1/runtime/environments/${environment}/children`;

async function sessionIsGood({ api, appKey, from }: RuntimeGround): Promise<boolean> {
  const body = { environmentId: from.environment, token: from.session };
  return (
    (await ask(api, { method: "POST", url: "/v1/runtime/auth/session", key: appKey, body })).status === 200
  );
}

export const runtimeProbes: readonly RuntimeProbe[] = [
  {
    id: "sessions.other-environment",
    path: "sessions",
    title: "use its session in the neighbour's environment, also to change a password there",
    remedy,
    covers: ["runtimeSession", "runtimePassword"],
    harmless: true,
    async run(ground) {
      const { from, to } = ground;
      if (!(await sessionIsGood(ground))) return failed("its own session isn't good at home");
      const body = { environmentId: to.environment, token: from.session };
      return allRefused(
        ground,
        ["session_invalid", "environment_unavailable"],
        [
          { method: "POST", url: "/v1/runtime/auth/session", body },
          {
            method: "POST",
            url: "/v1/runtime/auth/password",
            body: { ...body, currentPassword: password, password: `${password} either` },
          },
        ],
      );
    },
  },
  {
    id: "sessions.end-others",
    path: "sessions",
    title: "end the neighbour's session from its own environment",
    remedy,
    covers: ["runtimeLogout"],
    applies: ({ to }) => to.session !== undefined,
    async run(ground) {
      const { api, appKey, from, to } = ground;
      const body = { environmentId: from.environment, token: to.session };
      await ask(api, { method: "POST", url: "/v1/runtime/auth/logout", key: appKey, body });
      const others = { ...ground, from: { ...to, session: to.session! } };
      return (await sessionIsGood(others))
        ? refused("the neighbour's session goes on")
        : breach("The neighbour's session has ended.");
    },
  },
  {
    id: "sessions.other-users",
    path: "sessions",
    title: "list and make users in the neighbour's environment as an admin of its own",
    remedy,
    covers: ["runtimeListUsers", "runtimeCreateUser", "runtimeCreateVerification"],
    run: (ground) => {
      const headers = { "tenantry-session": ground.from.session };
      const url = usersOf(ground.to.environment);
      const body = { email: "canary@tenantry.invalid", role: "viewer" };
      return allRefused(
        ground,
        ["session_invalid", "environment_unavailable"],
        [
          { method: "GET", url, headers },
          { method: "POST", url, headers, body },
          { method: "POST", url: `${url}/${ground.to.user ?? nobody}/verification`, headers },
        ],
      );
    },
  },
  {
    id: "sessions.other-user-by-id",
    path: "sessions",
    title:
      "show, change, delete, log out and prove the address of the neighbour's user by its id, in its own environment",
    remedy,
    covers: ["runtimeShowUser", "runtimeUpdateUser", "runtimeDeleteUser", "runtimeEndSessions"],
    applies: ({ to }) => to.user !== undefined,
    run: (ground) => {
      const headers = { "tenantry-session": ground.from.session };
      const url = `${usersOf(ground.from.environment)}/${ground.to.user!}`;
      return allRefused(
        ground,
        ["user_not_found"],
        [
          { method: "GET", url, headers },
          { method: "PATCH", url, headers, body: { name: "Canary" } },
          { method: "PATCH", url, headers, body: { emailVerified: false } },
          { method: "POST", url: `${url}/verification`, headers },
          { method: "DELETE", url: `${url}/sessions`, headers },
          { method: "DELETE", url, headers },
        ],
      );
    },
  },
  {
    id: "sessions.other-verification",
    path: "sessions",
    title: "prove the address of the neighbour's user in its own environment, with the neighbour's own proof",
    remedy,
    covers: ["runtimeVerifyEmail"],
    applies: ({ to }) => to.proof !== undefined,
    async run(ground) {
      const { api, appKey, from, to } = ground;
      const at = (environmentId: string): Question => ({
        ...{ method: "POST", url: "/v1/runtime/auth/verify-email" },
        body: { environmentId, token: to.proof },
      });
      const atHome = await ask(api, { ...at(to.environment), key: appKey });
      if (atHome.status !== 200) return failed("the neighbour's proof isn't good at home");
      return allRefused(ground, ["verification_invalid"], [at(from.environment)]);
    },
  },
  {
    id: "api.other-application",
    path: "api",
    title: "reach the neighbour's environment with another application's key",
    remedy: "Stop the API and upgrade: it lets one application's key reach another's tenants.",
    covers: [
      ...["runtimeRepairDatabase", "runtimeRepairCache", "runtimeStorageKeys", "runtimeForeignFile"],
      ...["runtimeRegister", "runtimeVerification", "runtimeListChildren"],
    ],
    async run(ground) {
      if (ground.strangersKey === undefined) return skipped("there is one application only");
      const key = ground.strangersKey;
      const { environment } = ground.to;
      const headers = { "tenantry-session": ground.from.session };
      const visitor = { environmentId: environment, email: "canary@tenantry.invalid" };
      return allRefused(
        ground,
        ["environment_not_found"],
        [
          { method: "POST", url: `/v1/runtime/environments/${environment}/database/repair`, key },
          { method: "POST", url: `/v1/runtime/environments/${environment}/cache/repair`, key },
          { method: "POST", url: `/v1/runtime/environments/${environment}/storage/keys`, key, body: {} },
          {
            ...{ method: "POST", url: `/v1/runtime/environments/${environment}/files/foreign`, key },
            body: { owner: environment },
          },
          { method: "GET", url: usersOf(environment), key, headers },
          { method: "GET", url: childrenOf(environment), key },
          { method: "POST", url: "/v1/runtime/auth/register", key, body: { ...visitor, password } },
          { method: "POST", url: "/v1/runtime/auth/verification", key, body: visitor },
          {
            method: "POST",
            url: "/v1/runtime/auth/session",
            key,
            body: { environmentId: environment, token: ground.from.session },
          },
        ],
      );
    },
  },
  {
    id: "api.children",
    path: "api",
    title: "find tenants among those below its own that aren't, or that don't let it see them",
    remedy: "Stop the API and upgrade: tenants are told of others that aren't theirs to see.",
    covers: ["runtimeListChildren"],
    harmless: true,
    async run({ api, db, appKey, from }) {
      const { environment } = from;
      const { status, body } = await ask(api, { method: "GET", url: childrenOf(environment), key: appKey });
      if (status !== 200) return failed(`the children's route answers ${status}`);
      const slugs = (body as { items: { slug: string }[] }).items.map(({ slug }) => slug);
      const unseen = await selectUnseen(db, parseId("env", environment)!, slugs);
      if (unseen > 0) return breach(`${unseen} of ${slugs.length} tenants aren't its to see.`);
      return refused(`${slugs.length} tenants, each of which lets it`);
    },
  },
  {
    id: "api.snapshot",
    path: "api",
    title:
      "find environments of other applications, or of the platform's own tenants, in an application's snapshot",
    remedy: "Stop the API and upgrade: applications are told of environments that aren't theirs.",
    covers: ["runtimeSnapshot"],
    async run({ api, db, appId, appKey }) {
      const { status, body } = await ask(api, { method: "GET", url: "/v1/runtime/snapshot", key: appKey });
      if (status !== 200) return failed(`the snapshot answers ${status}`);
      const { environments } = body as { environments: { id: string }[] };
      const ids = environments.map(({ id }) => parseId("env", id)!);
      const strangers = await selectStrangers(db, appId, ids);
      if (strangers > 0)
        return breach(`${strangers} of ${ids.length} environments aren't the application's.`);
      return refused(`${ids.length} environments, all of them the application's own`);
    },
  },
];

/** Operations of the API that need no probe of their own, each with the reason. */
export const unprobedOperations: Readonly<Record<string, string>> = {
  runtimeStream: "Tells a version number, the same for all, and nothing of any tenant.",
  runtimeRepairGlobalCache:
    "Names no tenant: it is about the key's own application, and gives rights back that are known.",
  runtimeLogin:
    "An address and password are looked up among the users of one tenant; canaries' users have no password. Tests try it.",
};
