import type { DriverContext } from "../drivers/context.ts";
import type { ResourceName } from "../infra/workflow/definition.ts";
import { newId } from "../kernel/index.ts";

type DeclaredResource = ResourceName & { state: "creating" | "present" };

export type TestContext = Omit<DriverContext, "progress"> & {
  /** Another holder of the same operation, later by one. */
  next(): TestContext;
  /** What is declared and not removed, over all holders. */
  resources(): DeclaredResource[];
  /** From now on the lease is another's. */
  lose(): void;
};

/** A step's context that keeps its resources in memory, for tests of drivers. */
export function testContext(
  options: {
    operationId?: string;
    fence?: number;
    signal?: AbortSignal;
    ledger?: Map<string, DeclaredResource>;
    /** Called before each call to the context with its name, and the thing that it is about; throws to make it fail. */
    before?: (call: string, about?: ResourceName) => void | Promise<void>;
  } = {},
): TestContext {
  const { operationId = newId(), fence = 1, ledger = new Map() } = options;
  let lost = false;
  const key = (name: ResourceName) => `${name.kind} ${name.serverId} ${name.physicalName}`;
  const call = async (name: string, about?: ResourceName) => {
    await options.before?.(name, about);
    if (lost) throw new Error("The lease was lost.");
  };
  return {
    operationId,
    fence,
    signal: options.signal ?? new AbortController().signal,
    async assertLease() {
      await call("assertLease");
    },
    async declareResource(resource) {
      await call("declareResource", resource);
      const known = ledger.get(key(resource));
      if (!known) ledger.set(key(resource), { ...resource, state: "creating" });
    },
    async resourcePresent(name) {
      await call("resourcePresent");
      ledger.set(key(name), { ...name, state: "present" });
    },
    async resourceRemoved(name) {
      await call("resourceRemoved");
      ledger.delete(key(name));
    },
    next: () => testContext({ operationId, fence: fence + 1, ledger }),
    resources: () => [...ledger.values()],
    lose() {
      lost = true;
    },
  };
}
