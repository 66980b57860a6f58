export { selectHosts } from "./routing.sql.ts";
export {
  addSystemRoute,
  environmentHost,
  refreshRoutes,
  removeExpiredRedirects,
  removeRoutes,
  renameSystemRoutes,
  showProgress,
} from "./routing.ts";
