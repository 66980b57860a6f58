import { AsyncLocalStorage } from "node:async_hooks";
import type { TenantContext } from "./context.ts";

const key = Symbol.for("tenantry.context.v1");
const shared = globalThis as { [key]?: AsyncLocalStorage<TenantContext> };

/** The one store of this process: a second copy of this package finds the first one's. */
export const contextStore: AsyncLocalStorage<TenantContext> = shared[key] ?? new AsyncLocalStorage();
shared[key] = contextStore;
