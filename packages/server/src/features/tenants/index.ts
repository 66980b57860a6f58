export type { AncestorRow } from "./hierarchy.sql.ts";
export {
  ancestorsOf,
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
