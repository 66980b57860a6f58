import type { CredentialsReply } from "@tenantry/contract";
import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import { type StepContext, startOperation, type Workflow } from "../../infra/workflow/index.ts";
import { failure, newId } from "../../kernel/index.ts";
import { type EnvironmentRow, findEnvironment } from "../environments/index.ts";
import { findTenant, findTenantLocked, requireTenantStatus, type TenantRow } from "../tenants/index.ts";
import { type CredentialRow, insertCredential, selectCredentials } from "./credentials.sql.ts";
import { createCredentialKeeper, type KeeperParts } from "./keeper.ts";
import { alignLogins, carryLogins } from "./moving.ts";
import { type CredentialParts, loginOf, sealNewPassword } from "./parts.ts";
import {
  type CredentialWorkflows,
  credentialWorkflows,
  type IssueInput,
  type RevokeInput,
} from "./workflows.ts";

/** One environment: its tenant's id or slug, and its name. */
export type Target = { tenant: string; environment: string };

export type Credentials = ReturnType<typeof createCredentials>;

/**
 * Database logins for programs that don't use the SDK, one at a time for an environment [APP-2]. Passwords are kept as
 * ciphertext, so that whoever may see them can ask again.
 */
export function createCredentials(parts: KeeperParts) {
  const workflows = credentialWorkflows(parts);
  const begin = (target: Target, requestedBy: string, beginning: Beginning) =>
    inTransaction(parts.db, (tx) => beginOperation(tx, target, requestedBy, beginning));
  return {
    workflows,
    /** Opens and closes logins with their tenants, and removes those that expired. */
    keeper: createCredentialKeeper(parts),

    /** Opens and closes the logins of an operation's environment as they should be now. Repeatable. */
    align: (context: StepContext) => alignLogins(parts, context),

    /** The logins of an environment where it lives now. */
    async namesOf(db: Db, environmentId: string): Promise<string[]> {
      const rows = await selectCredentials(db, environmentId);
      return rows.filter(({ isHere }) => isHere).map(({ roleName }) => roleName);
    },

    /** Gives an operation's environment a login where it lives now, if it had one where it comes from. Repeatable. */
    carry: (context: StepContext, whose: { slug: string; environment: string }) =>
      carryLogins(parts, context, whose),

    /** Throws `credentials_not_found` when the environment has no login. */
    show: (target: Target) => showCredentials(parts, target),

    /** Begins to make a login unless there is one; answers the operation's UUID, undefined when nothing is to do. */
    ensure: (target: Target, requestedBy: string) =>
      begin(target, requestedBy, async (tx, found) => {
        const rows = await selectCredentials(tx, found.environment.id);
        if (rows.some(({ state }) => state === "current")) return undefined;
        return beginIssue(parts, tx, workflows, found, 0);
      }),

    /** Begins to make another login; the one before ends `overlapSeconds` after. */
    rotate: (target: Target, overlapSeconds: number, requestedBy: string) =>
      begin(target, requestedBy, (tx, found) => beginIssue(parts, tx, workflows, found, overlapSeconds)),

    /** Begins to end all logins of an environment; undefined when it has none. */
    revoke: (target: Target, requestedBy: string) =>
      begin(target, requestedBy, async (tx, { tenant, environment }) => {
        if ((await selectCredentials(tx, environment.id)).length === 0) return undefined;
        const input: RevokeInput = { slug: tenant.slug, environment: environment.name };
        return { workflow: workflows.revoke, input };
      }),
  };
}

type Found = { tenant: TenantRow; environment: EnvironmentRow };
type Begun = { workflow: Workflow; input: IssueInput | RevokeInput } | undefined;
type Beginning = (tx: Tx, found: Found) => Promise<Begun>;

async function beginOperation(
  tx: Tx,
  target: Target,
  requestedBy: string,
  beginning: Beginning,
): Promise<string | undefined> {
  const tenant = await findTenantLocked(tx, target.tenant);
  requireTenantStatus(tenant, ["active", "suspended"], "given database logins");
  const environment = await findEnvironment(tx, tenant, target.environment);
  const begun = await beginning(tx, { tenant, environment });
  if (!begun) return undefined;
  const scope = { tenantId: tenant.id, environmentId: environment.id };
  return startOperation(tx, { ...begun, ...scope, requestedBy });
}

async function beginIssue(
  { secrets, placements }: CredentialParts,
  tx: Tx,
  { issue }: CredentialWorkflows,
  { tenant, environment }: Found,
  overlapSeconds: number,
): Promise<Begun> {
  const { placementId, logins } = await placements.environmentLogins(tx, environment.id);
  const id = newId();
  const roleName = logins.nameOf(id);
  const secret = sealNewPassword(secrets, id);
  await insertCredential(tx, { id, environmentId: environment.id, placementId, roleName, secret });
  const input = { credentialId: id, slug: tenant.slug, environment: environment.name, overlapSeconds };
  return { workflow: issue, input };
}

async function showCredentials(
  parts: CredentialParts & { db: Db },
  target: Target,
): Promise<CredentialsReply> {
  const tenant = await findTenant(parts.db, target.tenant);
  const environment = await findEnvironment(parts.db, tenant, target.environment);
  const rows = await selectCredentials(parts.db, environment.id);
  const row = rows.find(({ state }) => state === "current");
  if (!row) throw failure("credentials_not_found");
  return view(parts, environment, row, rows);
}

async function view(
  { db, secrets, placements }: CredentialParts & { db: Db },
  environment: EnvironmentRow,
  row: CredentialRow,
  all: readonly CredentialRow[],
): Promise<CredentialsReply> {
  const { level, place, logins } = await placements.environmentLogins(db, environment.id);
  const login = loginOf(secrets, row);
  const url = logins.url(place.server, place.database, login);
  const address = new URL(url);
  return {
    environment: environment.name,
    level,
    url,
    // A server on a socket has its directory among the parameters.
    host: address.hostname || (address.searchParams.get("host") ?? ""),
    port: Number(address.port || address.searchParams.get("port") || 5432),
    database: decodeURIComponent(address.pathname.slice(1)),
    user: login.roleName,
    password: login.password,
    schema: logins.schemaOf(place.database),
    open: row.mayOpen,
    createdAt: row.createdAt.toISOString(),
    previous: all
      .filter(({ state, expiresAt }) => state === "retiring" && expiresAt!.getTime() > Date.now())
      .map(({ roleName, expiresAt }) => ({ user: roleName, expiresAt: expiresAt!.toISOString() })),
  };
}
