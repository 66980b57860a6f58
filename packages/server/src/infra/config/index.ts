export { type Config, type ConfigSources, type FixedSettings, loadConfig } from "./config.ts";
export { ConfigError } from "./mistakes.ts";
