import type { RuntimeEnvironment } from "@tenantry/contract";

type Without<Place> = Place extends unknown ? Omit<Place, "generation"> : never;

/** How applications reach files and caches; the generation is the placement's. */
export type StoragePlace = Without<NonNullable<RuntimeEnvironment["storage"]>>;
export type CachePlace = Without<NonNullable<RuntimeEnvironment["cache"]>>;
