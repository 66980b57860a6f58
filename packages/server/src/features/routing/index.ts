export { selectHosts, selectSystemHosts } from "./routing.sql.ts";
export {
  addSystemRoute,
  changeCustomRoutes,
  findMainHost,
  moveRootDomain,
  refreshRoutes,
  removeExpiredRedirects,
  removeRoutes,
  renameSystemRoutes,
  showProgress,
} from "./routing.ts";
