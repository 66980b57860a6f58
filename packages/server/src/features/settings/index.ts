export { settingsRoutes } from "./routes.ts";
export { copySettings, deleteSettingsOf } from "./settings.sql.ts";
export { createSettings, type FixedSettings, type Settings } from "./settings.ts";
