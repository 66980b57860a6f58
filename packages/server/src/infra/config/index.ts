export { type Config, type ConfigSources, loadConfig } from "./config.ts";
export { ConfigError } from "./mistakes.ts";
export { type Option, options } from "./options.ts";
