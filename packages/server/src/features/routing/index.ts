export { selectHosts } from "./routing.sql.ts";
export {
  addSystemRoute,
  findMainHost,
  moveRootDomain,
  refreshRoutes,
  removeExpiredRedirects,
  removeRoutes,
  renameSystemRoutes,
  showProgress,
} from "./routing.ts";
