/**
 * Templates: configuration and starter data that new tenants are made from [REG-11]. A revision never changes, and a
 * tenant remembers which one it came from; nothing follows the template after that.
 */
export { deleteUnusedChunks, selectTemplateFiles, type TemplateFileRow } from "./contents.sql.ts";
export { fillIn, type PlaceholderValues, placeholderValues } from "./placeholders.ts";
export { readContent } from "./read-contents.ts";
export { templateRoutes } from "./routes.ts";
export {
  beginSeeding,
  deleteSeeding,
  type Seeding,
  updateSeedingTransaction,
} from "./seedings.sql.ts";
export { holdTemplate, selectTemplate, type TemplateRow } from "./templates.sql.ts";
export { chooseTemplate } from "./templates.ts";
