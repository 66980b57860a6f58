export * from "./clock.ts";
export * from "./disk-full.ts";
export * from "./echo.ts";
export * from "./errors.ts";
export * from "./gate.ts";
export * from "./ids.ts";
export * from "./start-refused.ts";
export * from "./state-machine.ts";
