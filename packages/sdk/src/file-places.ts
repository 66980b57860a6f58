import type { RuntimeStorage } from "@tenantry/contract";

type Files = {
  storage: () => RuntimeStorage | undefined;
  /** Told of a request that no signature of this environment's allows. */
  refused: (request: { method: string; url: string }) => Promise<void>;
};

const places = new WeakMap<object, Files>();

/** Keeps where a context's files are, for requests that were signed for them. */
export function rememberFiles(context: object, files: Files): void {
  places.set(context, files);
}

/** Where a context's files are now. Throws when its tenant may not be used any more. */
export function filesOf(context: object): RuntimeStorage | undefined {
  return places.get(context)?.storage();
}

/** Somebody asked for a file with an address that isn't good here. */
export async function fileRefused(context: object, request: { method: string; url: string }): Promise<void> {
  await places.get(context)?.refused(request);
}
