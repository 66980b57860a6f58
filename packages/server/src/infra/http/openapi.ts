import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyRequest } from "fastify";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { documentationStyle } from "./documentation-style.ts";
import { completeDocument, type Document, sharedParameters, tags, withSecurity } from "./openapi-document.ts";
import { problemSchema } from "./problem-schema.ts";
import type { Api } from "./types.ts";

export const documentationPath = "/docs";

/** Collects the routes that come after it into an OpenAPI 3.1 document, and shows them at `/docs`. */
export async function documentApi(api: Api, version: string): Promise<void> {
  await api.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Tenantry",
        version,
        description:
          "The control plane's API: tenants, the applications they run, and the work done on them.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      tags,
      servers: [{ url: "/", description: "This installation" }],
      components: {
        securitySchemes: {
          key: { type: "http", scheme: "bearer", description: "An operator's or an application's API key." },
        },
        parameters: sharedParameters,
        schemas: { Problem: problemSchema },
      },
    },
    transform: (document) => {
      const transformed = jsonSchemaTransform(document);
      return { ...transformed, schema: withSecurity(transformed.schema, document.route.config) };
    },
    transformObject: (document) => completeDocument(jsonSchemaTransformObject(document) as Document) as never,
  });
  await api.register(swaggerUi, {
    routePrefix: documentationPath,
    staticCSP: contentSecurityPolicy,
    theme: { title: "Tenantry API", css: [{ filename: "theme.css", content: documentationStyle }] },
    // One server, the one that shows the page: nothing to choose.
    transformSpecification: ({ servers, ...specification }) => specification,
    uiConfig: {
      // Without the bar at the top, which would read descriptions from anywhere.
      layout: "BaseLayout",
      deepLinking: true,
      docExpansion: "list",
      displayOperationId: true,
      persistAuthorization: false,
      tryItOutEnabled: false,
      validatorUrl: null,
    },
  });
  let text: string | undefined;
  api.get(
    "/openapi.json",
    { schema: { hide: true }, config: { permission: "public", quiet: true } },
    async (_request: FastifyRequest, reply) => {
      text ??= openApiText(api);
      return reply.type("application/json").send(text);
    },
  );
}

/** The page's own files and nothing from anywhere else; swagger-ui sets styles on elements. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The document as text, the same for the same routes: fit to be committed. Call it once the API is ready. */
export function openApiText(api: Api): string {
  return `${JSON.stringify(api.swagger(), null, 2)}\n`;
}
