import { errorCatalogue } from "@tenantry/contract";
import type { OpenAPIV3_1 } from "openapi-types";

/** The JSON schema of our problem documents, for the OpenAPI document. */
export const problemSchema: OpenAPIV3_1.SchemaObject = {
  type: "object",
  description: "What went wrong, after RFC 9457. Some codes add members of their own.",
  required: ["type", "title", "status", "code"],
  properties: {
    type: { type: "string", format: "uri", description: "Identifies the kind of problem." },
    title: { type: "string", description: "The kind of problem, in a sentence." },
    status: { type: "integer" },
    detail: { type: "string", description: "What happened this time." },
    code: { type: "string", enum: Object.keys(errorCatalogue).sort(), description: "For programs." },
    errors: {
      type: "array",
      description: "Each mistake in the request.",
      items: {
        type: "object",
        required: ["pointer", "message"],
        properties: {
          pointer: {
            type: "string",
            description:
              "`/slug` in the body, `?limit` in the query, otherwise the name in the path or header.",
          },
          message: { type: "string" },
        },
      },
    },
    remedy: { type: "string", description: "What to do about it." },
    requestId: { type: "string", description: "Find the request in the log by it." },
    operationId: { type: "string", description: "The operation that failed, or that is in the way." },
  },
};
