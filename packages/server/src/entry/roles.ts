/** What a process of an installation may do. Any number of each may share a registry. */
export const roles = ["api", "worker", "gateway"] as const;
export type Role = (typeof roles)[number];
