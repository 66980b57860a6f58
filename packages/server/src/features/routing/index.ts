export { selectHosts } from "./routing.sql.ts";
export {
  addSystemRoute,
  moveRootDomain,
  refreshRoutes,
  removeExpiredRedirects,
  removeRoutes,
  renameSystemRoutes,
  showProgress,
} from "./routing.ts";
