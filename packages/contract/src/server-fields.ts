import { z } from "zod";

/** A name that operators give: of a server, of a region. */
export const name = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/, "must be lower-case letters and digits, joined by . _ or -");

export const capacity = z.number().int().min(1).max(1_000_000);

/** What servers of files and of caches have in common. */
export const sharing = {
  purpose: z
    .enum(["shared", "own"])
    .default("shared")
    .describe("For many tenants, or for one that asks for a server of its own."),
  region: name.optional(),
  capacity: capacity.default(10_000).describe("How many environments a shared one may hold."),
};

export const warnings = z
  .array(z.string())
  .optional()
  .describe("What works but should be known; only when it is added.");
