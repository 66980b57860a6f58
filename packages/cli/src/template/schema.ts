import { templateDefinition } from "@tenantry/contract";
import { z } from "zod";
import { apiVersion } from "../manifest/schema.ts";

const relativePath = z.string().min(1).max(1_000);

/** A template as its file declares it: what new tenants get, and where the starter data is. */
export const declaredTemplate = templateDefinition.omit({ data: true, files: true }).extend({
  apiVersion: z.literal(apiVersion, `must be ${apiVersion}`),
  data: z.array(relativePath).optional(),
  files: relativePath.optional(),
});
export type DeclaredTemplate = z.infer<typeof declaredTemplate>;

export const templateFields = Object.keys(declaredTemplate.shape);
