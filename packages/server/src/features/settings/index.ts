export { settingsRoutes } from "./routes.ts";
export { copySettings, deleteSettingsBy, deleteSettingsOf } from "./settings.sql.ts";
export { checkSettings, createSettings, type FixedSettings, type Settings } from "./settings.ts";
