import { recordEvent } from "../../infra/events/index.ts";
import { defineWorkflow, type StepContext, step, type Workflow } from "../../infra/workflow/index.ts";
import { failure } from "../../kernel/index.ts";
import {
  hastenRetiring,
  retireCurrent,
  selectCredential,
  selectCredentials,
  updateCurrent,
} from "./credentials.sql.ts";
import { alignCredential, type CredentialParts, endCredential, loginOf } from "./parts.ts";

export type IssueInput = {
  credentialId: string;
  slug: string;
  environment: string;
  overlapSeconds: number;
};
export type RevokeInput = Pick<IssueInput, "slug" | "environment">;

export type CredentialWorkflows = { issue: Workflow; revoke: Workflow };

export function credentialWorkflows(parts: CredentialParts): CredentialWorkflows {
  return { issue: issueWorkflow(parts), revoke: revokeWorkflow(parts) };
}

type Issuing = StepContext<IssueInput>;

/** The new login works before the old one begins to end: a program finds one of them good at any time. */
function issueWorkflow(parts: CredentialParts): Workflow {
  return defineWorkflow<IssueInput>({
    kind: "credentials.issue",
    version: 1,
    steps: [
      step<IssueInput>("make", {
        title: "Make the login",
        run: (context) => make(parts, context),
        async undo(context) {
          const row = await selectCredential(context.db, context.input.credentialId);
          if (!row) return;
          const where = await parts.placements.environmentLogins(context.db, row.environmentId);
          await endCredential(context.db, where, context, row);
        },
      }),
      step<IssueInput>("hand-over", { title: "Hand over to the new login", run: handOver }),
      step<IssueInput>("end-previous", {
        title: "End the login before it",
        run: (context) => endRetiring(parts, context),
      }),
    ],
  });
}

async function make(parts: CredentialParts, context: Issuing): Promise<{ user: string }> {
  const row = await selectCredential(context.db, context.input.credentialId);
  if (!row) throw failure("credentials_not_found", { detail: "The login was given up meanwhile." });
  const where = await parts.placements.environmentLogins(context.db, row.environmentId);
  const login = loginOf(parts.secrets, row);
  await where.logins.place(context, { ...where.place, login });
  await alignCredential(context.db, where, context, row);
  return { user: row.roleName };
}

async function handOver(context: Issuing): Promise<void> {
  const { credentialId, overlapSeconds, slug, environment } = context.input;
  await context.transaction(async (tx) => {
    const row = await selectCredential(tx, credentialId);
    if (row?.state !== "creating") return;
    const { environmentId, roleName: user } = row;
    await hastenRetiring(tx, environmentId, overlapSeconds);
    const previousUntil = (await retireCurrent(tx, environmentId, overlapSeconds))?.toISOString() ?? null;
    await updateCurrent(tx, credentialId);
    await recordEvent(tx, {
      name: "environment.credentials-issued",
      tenantId: context.tenantId!,
      environmentId,
      data: { slug, environment, user, previousUntil },
    });
    await context.passPointOfNoReturn(tx);
  });
}

/** Those that may go on for a while learn when they end. */
async function endRetiring(parts: CredentialParts, context: Issuing): Promise<void> {
  const { db } = context;
  const retiring = (await selectCredentials(db, context.environmentId!)).filter(
    ({ state }) => state === "retiring",
  );
  if (retiring.length === 0) return;
  const where = await parts.placements.environmentLogins(db, context.environmentId!);
  for (const row of retiring) {
    if (row.expiresAt!.getTime() <= Date.now()) await endCredential(db, where, context, row);
    else await alignCredential(db, where, context, row);
  }
}

function revokeWorkflow(parts: CredentialParts): Workflow {
  return defineWorkflow<RevokeInput>({
    kind: "credentials.revoke",
    version: 1,
    onFailure: "stop",
    steps: [
      step<RevokeInput>("end", {
        title: "End the logins",
        async run(context) {
          const rows = await selectCredentials(context.db, context.environmentId!);
          if (rows.length === 0) return;
          const where = await parts.placements.environmentLogins(context.db, context.environmentId!);
          for (const row of rows) await endCredential(context.db, where, context, row);
        },
      }),
      step<RevokeInput>("tell", {
        title: "Tell of it",
        async run(context) {
          await context.transaction((tx) =>
            recordEvent(tx, {
              name: "environment.credentials-revoked",
              tenantId: context.tenantId!,
              environmentId: context.environmentId!,
              data: context.input,
            }),
          );
        },
      }),
    ],
  });
}
