/** The tenant's effective settings: platform, plan, tenant and environment layered. Read only. */
export type Settings = {
  /** The setting's value, or `fallback` when nobody has set it. */
  get<Value = unknown>(key: string, fallback?: Value): Value | undefined;
  all(): Readonly<Record<string, unknown>>;
};

/** Settings that are looked up anew at each call, so that a change is seen at once. */
export function createSettings(current: () => Readonly<Record<string, unknown>>): Settings {
  return {
    get<Value>(key: string, fallback?: Value): Value | undefined {
      const settings = current();
      return Object.hasOwn(settings, key) ? (settings[key] as Value) : fallback;
    },
    all: () => structuredClone(current()),
  };
}
