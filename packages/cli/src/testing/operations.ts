import type { OperationReply } from "@tenantry/contract";

type Step = OperationReply["steps"][number];

export function step(name: string, changes: Partial<Step> = {}): Step {
  const untouched = { attempt: 0, startedAt: null, endedAt: null, tookMs: null, error: null };
  return { name, title: `Do ${name}`, status: "pending", ...untouched, ...changes };
}

export function operation(changes: Partial<OperationReply> = {}): OperationReply {
  const nothing = {
    stuckSince: null,
    message: null,
    error: null,
    waitUntil: null,
    startedAt: null,
    endedAt: null,
  };
  return {
    id: "op_1",
    kind: "tenant.provision",
    status: "running",
    tenantId: "tnt_1",
    environmentId: "env_1",
    progress: 0,
    steps: [],
    requestedBy: null,
    createdAt: "2026-01-01T00:00:00.000Z",
    ...nothing,
    ...changes,
  };
}
