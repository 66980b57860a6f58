type Child = { slug: string; parent?: string | null | undefined };

/** The same tenants, each after its parent where that is among them. Whoever stands in a circle is left out. */
export function parentsFirst<Tenant extends Child>(tenants: readonly Tenant[]): Tenant[] {
  const bySlug = new Map(tenants.map((tenant) => [tenant.slug, tenant]));
  const ordered = new Set<Tenant>();
  const visit = (tenant: Tenant, below: readonly Tenant[]): boolean => {
    if (ordered.has(tenant)) return true;
    if (below.includes(tenant)) return false;
    const parent = tenant.parent ? bySlug.get(tenant.parent) : undefined;
    if (parent && !visit(parent, [...below, tenant])) return false;
    ordered.add(tenant);
    return true;
  };
  for (const tenant of tenants) visit(tenant, []);
  return [...ordered];
}
