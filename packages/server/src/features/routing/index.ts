export { selectHosts } from "./routing.sql.ts";
export {
  addSystemRoute,
  environmentHost,
  moveRootDomain,
  refreshRoutes,
  removeExpiredRedirects,
  removeRoutes,
  renameSystemRoutes,
  showProgress,
} from "./routing.ts";
