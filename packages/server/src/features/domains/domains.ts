import { domainToASCII } from "node:url";
import type { AddDomainRequest, DomainReply, LookedUpDomain } from "@tenantry/contract";
import { type Db, inTransaction, isUniqueViolation, type Tx } from "../../infra/db/index.ts";
import { echo, failure, newId, parseId, showId, TenantryError } from "../../kernel/index.ts";
import { findEnvironment } from "../environments/index.ts";
import { findTenant, findTenantLocked, requireTenantStatus, type TenantRow } from "../tenants/index.ts";
import { showDomains } from "./domain-view.ts";
import {
  countDomains,
  type DomainRow,
  deleteDomain,
  insertDomain,
  lockDomain,
  markVerified,
  selectDomain,
  selectDomains,
  selectProven,
} from "./domains.sql.ts";
import { displayName, readHostname } from "./hostname.ts";
import type { DomainParts } from "./parts.ts";
import { settleDomains } from "./routed.ts";
import { tellOfDomain } from "./told.ts";
import { lookAt } from "./verify.ts";

/** Pending ones cost a look at DNS every minute. */
const mostPerTenant = 100;

export type Domains = ReturnType<typeof createDomains>;

/** Domains of tenants' own [EDGE-1, EDGE-2]: claimed, proven, routed, removed. */
export function createDomains(parts: DomainParts) {
  const { db } = parts;
  const show = async (from: Db | Tx, row: DomainRow) => (await showDomains(parts, from, [row]))[0]!;

  return {
    /** A page by hostname, of `limit` and one more where more follow. */
    async list(tenant: string, page: { limit: number; after?: string | undefined }): Promise<DomainReply[]> {
      const { id: tenantId } = await findTenant(db, tenant);
      return showDomains(parts, db, await selectDomains(db, { tenantId, ...page }));
    },

    async show(tenant: string, domain: string): Promise<DomainReply> {
      return show(db, await findDomain(db, await findTenant(db, tenant), domain));
    },

    /** Whether a hostname can be a tenant's, as `add` would say it, and who has proven it. */
    async lookUp(text: string, { verified = false }: { verified?: boolean }): Promise<LookedUpDomain> {
      const hostname = readHostname(text, { ...parts, allowsPrivate: parts.hasOwnDns || verified });
      const row = await selectProven(db, hostname);
      const holder = row && {
        tenantId: showId("tnt", row.tenantId),
        ...{ slug: row.tenantSlug, environment: row.environmentName },
      };
      return { hostname, displayName: displayName(hostname), holder: holder ?? null };
    },

    /** Claims a hostname for an environment. With `verified`, it is the tenant's at once. */
    async add(tenant: string, request: AddDomainRequest): Promise<DomainReply> {
      const allowsPrivate = parts.hasOwnDns || request.verified === true;
      const hostname = readHostname(request.hostname, { ...parts, allowsPrivate });
      return refusingTaken(hostname, () =>
        inTransaction(db, async (tx) => {
          const id = await claim(parts, tx, { tenant, hostname, environment: request.environment });
          if (request.verified) await vouchFor(parts, tx, id);
          return show(tx, (await lockDomain(tx, id))!);
        }),
      );
    },

    /** The hostnames that a new tenant is to have; a refused one is named as `/domains/<number>`. */
    readAll(texts: readonly string[]): Promise<string[]> {
      const rules = { ...parts, allowsPrivate: parts.hasOwnDns };
      return Promise.all(texts.map((text, at) => atItem(at, async () => readHostname(text, rules))));
    },

    /** Claims them for a tenant that is being made. */
    async claimAll(tx: Tx, tenantId: string, hostnames: readonly string[]): Promise<void> {
      const tenant = showId("tnt", tenantId);
      for (const [at, hostname] of hostnames.entries()) {
        await atItem(at, () => claim(parts, tx, { tenant, hostname }));
      }
    },

    /** Looks at DNS now, or takes the operator's word; either way the domain is shown as it stands then. */
    async verify(tenant: string, domain: string, vouched: boolean): Promise<DomainReply> {
      const found = await findDomain(db, await findTenant(db, tenant), domain);
      if (vouched) {
        await refusingTaken(found.hostname, () => inTransaction(db, (tx) => vouchFor(parts, tx, found.id)));
      } else await lookAt(parts, found, { isAsked: true });
      return show(db, await findDomain(db, await findTenant(db, tenant), domain));
    },

    /** Its hostname is free from now on, and leads nowhere within a second. */
    async remove(tenant: string, domain: string): Promise<void> {
      await inTransaction(db, async (tx) => {
        const owner = await findTenantLocked(tx, tenant);
        const row = await findDomain(tx, owner, domain);
        await deleteDomain(tx, row.id);
        await tellOfDomain(tx, row, "domain.removed");
        await settleDomains(parts, tx, [owner.id]);
      });
    },
  };
}

async function findDomain(db: Db | Tx, tenant: TenantRow, idOrHostname: string): Promise<DomainRow> {
  const id = parseId("dom", idOrHostname);
  const row = await selectDomain(db, tenant.id, id ? { id } : { hostname: domainToASCII(idOrHostname) });
  if (row) return row;
  throw failure("domain_not_found", { detail: `${tenant.slug} has no domain ${echo(idOrHostname)}.` });
}

type Claim = { tenant: string; hostname: string; environment?: string | undefined };

async function claim(
  { settings }: DomainParts,
  tx: Tx,
  { tenant, hostname, environment: name = "production" }: Claim,
): Promise<string> {
  const owner = await findTenantLocked(tx, tenant);
  requireTenantStatus(
    owner,
    ["requested", "provisioning", "active", "suspended", "failed"],
    "given a domain",
  );
  const environment = await findEnvironment(tx, owner, name, "/environment");
  if (!(await settings.get<boolean>(tx, "customDomains", { tenantId: owner.id }))) {
    throw failure("custom_domains_off", { detail: `The setting customDomains is off for ${owner.slug}.` });
  }
  const proven = await selectProven(tx, hostname);
  if (proven) {
    throw taken(
      hostname,
      proven.tenantId === owner.id ? `${owner.slug} has ${hostname} already.` : undefined,
    );
  }
  if ((await countDomains(tx, owner.id)) >= mostPerTenant) {
    throw failure("domain_limit_reached", { detail: `A tenant may have ${mostPerTenant} domains.` });
  }
  const id = newId();
  const domain = { id, tenantId: owner.id, environmentId: environment.id, hostname };
  if (!(await insertDomain(tx, domain))) {
    throw taken(hostname, `${owner.slug} has ${hostname} already; it waits for being verified.`);
  }
  await tellOfDomain(tx, (await lockDomain(tx, id))!, "domain.added");
  return id;
}

async function vouchFor(parts: DomainParts, tx: Tx, id: string): Promise<void> {
  const row = await lockDomain(tx, id);
  if (!row) throw failure("domain_not_found", { detail: "The domain was removed meanwhile." });
  await markVerified(tx, id, "operator");
  if (row.verifiedAt === null) await tellOfDomain(tx, row, "domain.verified", { by: "operator" });
  await settleDomains(parts, tx, [row.tenantId]);
}

function taken(hostname: string, message = `Another tenant has proven that ${hostname} is its own.`) {
  return failure("domain_taken", { detail: message, errors: [{ pointer: "/hostname", message }] });
}

/** What is refused stands elsewhere in the request for a tenant. */
async function atItem<Result>(at: number, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TenantryError)) throw error;
    const errors = [{ pointer: `/domains/${at}`, message: error.message }];
    throw failure(error.code, { ...error.details, errors }, { cause: error });
  }
}

/** Two may prove the same at the same time: the index decides. */
async function refusingTaken<Result>(hostname: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (isUniqueViolation(error, "domains_verified")) throw taken(hostname);
    throw error;
  }
}
