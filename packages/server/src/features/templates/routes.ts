import {
  createTemplateRequest,
  type TemplateDetailReply,
  type TemplateReply,
  templateChunkBytes,
  templateChunkName,
  templateDefinition,
  templateDetailReply,
  templateReply,
} from "@tenantry/contract";
import { z } from "zod";
import type { Db } from "../../infra/db/index.ts";
import {
  type Api,
  decodeCursor,
  pageOf,
  pageQuery,
  principalName,
  principalOf,
  type RouteGroup,
  toPage,
} from "../../infra/http/index.ts";
import { invalidField, showId } from "../../kernel/index.ts";
import { selectTemplateFiles } from "./contents.sql.ts";
import { storeChunk } from "./read-contents.ts";
import { countTenantsOf, selectTemplates, type TemplateRow } from "./templates.sql.ts";
import {
  createTemplate,
  deleteTemplate,
  findTemplate,
  reviseTemplate,
  type TemplateDependencies,
} from "./templates.ts";

const tags = ["templates"];
const params = z.object({ template: z.string().max(200).describe("Its id (tpl_…) or its name.") });
/** A definition names every chunk of its contents. */
const bodyLimit = 8 * 1024 * 1024;

/** `/v1/templates`, and the contents that they are put together from. */
export function templateRoutes(deps: TemplateDependencies): RouteGroup[] {
  return [
    (api) => {
      addReading(api, deps);
      addCollection(api, deps);
      addChanges(api, deps);
    },
    (api) => addContents(api, deps),
  ];
}

function addReading(api: Api, { db }: TemplateDependencies): void {
  api.get(
    "/v1/templates",
    {
      config: { permission: "templates:read" },
      schema: {
        operationId: "listTemplates",
        summary: "List templates by name, each at its newest revision",
        tags,
        querystring: pageQuery.extend({ app: z.string().max(63).optional() }),
        response: { 200: pageOf(templateReply) },
      },
    },
    async (request) => {
      const { limit, cursor, app } = request.query;
      const after = decodeCursor(cursor, z.tuple([z.string()]))?.[0];
      const rows = await selectTemplates(db, { app, limit, after });
      return toPage(rows, limit, ({ name }) => [name], show);
    },
  );

  api.get(
    "/v1/templates/:template",
    {
      config: { permission: "templates:read" },
      schema: {
        operationId: "showTemplate",
        summary: "Show a template, what it says and what is in it",
        tags,
        params,
        querystring: z.strictObject({
          revision: z.coerce.number().int().min(1).max(999_999_999).optional(),
        }),
        response: { 200: templateDetailReply },
      },
    },
    async (request) => showWhole(db, await findTemplate(db, request.params.template, request.query.revision)),
  );
}

function addCollection(api: Api, deps: TemplateDependencies): void {
  api.post(
    "/v1/templates",
    {
      bodyLimit,
      config: { permission: "templates:write" },
      schema: {
        operationId: "createTemplate",
        summary: "Create a template",
        description:
          "Its contents are uploaded before, in chunks; when some aren't there this answers 422 `contents_missing` with their names in `missing`.",
        tags,
        body: createTemplateRequest,
        response: { 201: templateDetailReply },
      },
    },
    async (request, reply) => {
      const { name, ...definition } = request.body;
      const id = await createTemplate(deps, name, definition, principalName(principalOf(request)));
      const shown = await showWhole(deps.db, await findTemplate(deps.db, showId("tpl", id)));
      return reply.code(201).header("location", `/v1/templates/${shown.id}`).send(shown);
    },
  );
}

function addChanges(api: Api, deps: TemplateDependencies): void {
  api.put(
    "/v1/templates/:template",
    {
      bodyLimit,
      config: { permission: "templates:write" },
      schema: {
        operationId: "reviseTemplate",
        summary: "Give a template its next revision",
        description:
          "All of what it says is said anew. Tenants made from earlier revisions stay as they are; `name@revision` still makes new ones from those.",
        tags,
        params,
        body: templateDefinition,
        response: { 200: templateDetailReply },
      },
    },
    async (request) => {
      const by = principalName(principalOf(request));
      const id = await reviseTemplate(deps, request.params.template, request.body, by);
      return showWhole(deps.db, await findTemplate(deps.db, showId("tpl", id)));
    },
  );

  api.delete(
    "/v1/templates/:template",
    {
      config: { permission: "templates:write" },
      schema: {
        operationId: "deleteTemplate",
        summary: "Delete a template; tenants made from it stay as they are",
        tags,
        params,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await deleteTemplate(deps, request.params.template);
      return reply.code(204).send(null);
    },
  );
}

/** Apart from the others, since it alone takes bodies that aren't JSON. */
function addContents(api: Api, { db }: TemplateDependencies): void {
  api.addContentTypeParser("application/octet-stream", { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
  api.put(
    "/v1/template-chunks/:sha256",
    {
      bodyLimit: templateChunkBytes,
      config: { permission: "templates:write" },
      schema: {
        operationId: "putTemplateChunk",
        summary: "Upload a part of a template's contents",
        description: `The body is of the type application/octet-stream: 1 to ${templateChunkBytes} bytes, whose SHA-256 is its name. Repeatable. What no template refers to goes after a day.`,
        tags,
        params: z.object({ sha256: templateChunkName }),
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { body } = request as { body: unknown };
      if (!Buffer.isBuffer(body) || body.length === 0)
        throw invalidField("", "Bytes are needed, with the content type application/octet-stream.");
      await storeChunk(db, request.params.sha256, body);
      return reply.code(204).send(null);
    },
  );
}

async function showWhole(db: Db, row: TemplateRow): Promise<TemplateDetailReply> {
  const files = await selectTemplateFiles(db, { templateId: row.id, number: row.revision });
  const of = (kind: string) => files.filter((file) => file.kind === kind);
  return {
    ...show(row),
    data: of("data").map(({ name, size }) => ({ name, size })),
    storage: of("storage").map(({ name, contentType, size }) => ({
      ...{ key: name, size },
      contentType: contentType ?? "application/octet-stream",
    })),
    tenants: await countTenantsOf(db, row.name),
  };
}

function show(row: TemplateRow): TemplateReply {
  const { name, revision, newestRevision, description, configuration, createdBy } = row;
  const { dataFiles, dataBytes, files, fileBytes } = row;
  return {
    ...{ name, revision, newestRevision, description, createdBy, dataFiles, dataBytes, files, fileBytes },
    id: showId("tpl", row.id),
    app: row.appSlug,
    configuration: { ...configuration },
    createdAt: row.createdAt.toISOString(),
  };
}
