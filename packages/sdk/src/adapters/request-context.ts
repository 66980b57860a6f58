import type { EventEmitter } from "node:events";
import type { TenantContext } from "../context.ts";
import { contextStore } from "../context-store.ts";

export type AdapterOptions = {
  /** Paths that are answered without a tenant, such as a health check's. */
  skip?(path: string): boolean;
};

/**
 * Makes every listener of a request or response run in its context. Node emits their events from the connection, which
 * knows no tenant; a body that is read by events would lose its context otherwise.
 */
export function bindEvents(emitter: EventEmitter, context: TenantContext): void {
  const emit = emitter.emit;
  emitter.emit = function inContext(this: EventEmitter, ...event: Parameters<typeof emit>): boolean {
    return contextStore.run(context, () => emit.apply(this, event));
  };
}

/** The path of a request's URL, without its query. */
export function pathOf(url: string | undefined): string {
  return (url ?? "/").split("?", 1)[0]!;
}
