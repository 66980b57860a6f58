export { selectHosts, selectSystemHosts } from "./routing.sql.ts";
export {
  addSystemRoute,
  type CustomRoute,
  changeCustomRoutes,
  findMainHost,
  moveRootDomain,
  refreshRoutes,
  removeExpiredRedirects,
  removeRoutes,
  renameSystemRoutes,
  showProgress,
} from "./routing.ts";
