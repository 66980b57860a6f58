export type { AncestorRow } from "./hierarchy.sql.ts";
export {
  ancestorsOf,
  type Inherited,
  inherit,
  lockHierarchy,
  requireParent,
  requireSomebodyToSee,
  withDescendants,
} from "./hierarchy.ts";
export { deriveSlug } from "./slug.ts";
export { requireTenantMove } from "./tenant-state.ts";
export {
  countChildren,
  countTenantIn,
  countTenantOut,
  deleteTenantRow,
  insertTenant,
  lockTenant,
  raiseTenantRevision,
  selectTenant,
  selectTenants,
  slugIsTaken,
  type TenantFilter,
  type TenantRow,
  updateTenantFields,
  updateTenantStatus,
} from "./tenants.sql.ts";
export {
  findTenant,
  findTenantLocked,
  requireSlugForm,
  requireStaying,
  requireTenantStatus,
  slugTaken,
} from "./tenants.ts";
