/** How slugs of the platform's own tenants begin; nobody else's may. */
export const canarySlugPrefix = "tenantry-canary-";

/** Whether a slug is that of a tenant which the verification of isolation works with. */
export function isCanarySlug(slug: string): boolean {
  return slug.startsWith(canarySlugPrefix);
}
