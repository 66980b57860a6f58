import { createTenantRequest, updateTenantRequest } from "@tenantry/contract";
import { z } from "zod";
import { declaredDomains } from "./domains.ts";

/** Stands at the head of every document, so that a later form can be told from this one. */
export const apiVersion = "tenantry/v1";

const { plan, region, logoUrl, visibleToParent } = updateTenantRequest.shape;

/** A tenant as a file declares it: what creating one takes, without its first user, and how it stands. */
const declaredTenant = createTenantRequest
  .omit({ admin: true, parentId: true, visibleToParent: true })
  .extend({
    slug: z
      .string()
      .regex(
        /^[a-z0-9](?:-?[a-z0-9])*$/,
        "must be lower-case letters, digits and single hyphens, such as acme-2",
      )
      .min(3)
      .max(50),
    plan,
    region,
    logoUrl,
    domains: declaredDomains.optional(),
    parent: z.string().min(1).max(50).nullable().optional(),
    visibleToParent,
    suspended: z
      .union(
        [z.boolean(), z.string().trim().min(1).max(200)],
        "must be false, true, or the reason as text of at most 200 characters",
      )
      .optional(),
  });

/** What a tenant is meant to be. What is left out stays as it is; null takes it away. */
export type DeclaredTenant = z.infer<typeof declaredTenant>;

/** One document of a file. */
export const manifest = z.strictObject({
  apiVersion: z.literal(apiVersion, `must be ${apiVersion}`),
  tenants: z.array(declaredTenant),
});

/** Every field of a tenant, in the order in which they are written. */
export const tenantFields = [
  "slug",
  "name",
  "clientId",
  "app",
  "plan",
  "region",
  "groups",
  "preset",
  "isolation",
  "template",
  "timezone",
  "language",
  "logoUrl",
  "settings",
  "domains",
  "parent",
  "visibleToParent",
  "suspended",
] as const satisfies (keyof DeclaredTenant)[];
