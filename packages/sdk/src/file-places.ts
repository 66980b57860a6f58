import type { RuntimeStorage } from "@tenantry/contract";

const places = new WeakMap<object, () => RuntimeStorage | undefined>();

/** Keeps where a context's files are, for requests that were signed for them. */
export function rememberFiles(context: object, storage: () => RuntimeStorage | undefined): void {
  places.set(context, storage);
}

/** Where a context's files are now. Throws when its tenant may not be used any more. */
export function filesOf(context: object): RuntimeStorage | undefined {
  return places.get(context)?.();
}
