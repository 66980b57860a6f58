import { type EventName, eventListReply, eventTypePrefix, eventTypes } from "@tenantry/contract";
import { z } from "zod";
import {
  type Api,
  pageQuery,
  type RouteGroup,
  type ServerEvent,
  sendEvents,
} from "../../infra/http/index.ts";
import { requireId } from "../../kernel/index.ts";
import type { EventFilter } from "./events.sql.ts";
import type { EventPage, Events } from "./events.ts";

const tags = ["events"];
const config = { permission: "events:read" } as const;

const filters = {
  type: z
    .string()
    .max(2_000)
    .transform((text) => text.split(","))
    .pipe(z.array(z.enum(eventTypes)).min(1))
    .optional()
    .describe("Only these types, joined by commas."),
  tenantId: z.string().max(60).optional().describe("Only this tenant's, by its id tnt_…."),
};
const listQuery = pageQuery.extend({
  ...filters,
  cursor: pageQuery.shape.cursor.describe("Where the page before ended: its `nextCursor` or `cursor`."),
});
const streamQuery = z.strictObject({
  ...filters,
  cursor: pageQuery.shape.cursor.describe(
    "Where to begin: a page's `cursor`. `Last-Event-ID` goes before it; without either it begins now.",
  ),
});

/** What happened, in order and at least once: `/v1/events`. */
export function eventRoutes({ events }: { events: Events }): RouteGroup {
  return (api) => {
    list(api, events);
    stream(api, events);
  };
}

function list(api: Api, events: Events): void {
  api.get(
    "/v1/events",
    {
      config,
      schema: {
        operationId: "listEvents",
        summary: "What happened, the oldest first",
        description:
          "CloudEvents 1.0 in the order in which they happened. Go on with `nextCursor`, and later with `cursor`: no event is left out, and one may come twice. A cursor whose events aren't kept any more is 410.",
        tags,
        querystring: listQuery,
        response: { 200: eventListReply },
      },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const page = await events.read(readFilter(request.query), { cursor, limit });
      return {
        items: page.items.map(({ event }) => event),
        nextCursor: page.hasMore ? page.cursor : null,
        cursor: page.cursor,
      };
    },
  );
}

function stream(api: Api, events: Events): void {
  api.get(
    "/v1/events/stream",
    {
      config,
      schema: {
        operationId: "followEvents",
        summary: "Follow what happens",
        description:
          "Server-sent events, each with one CloudEvent as its data and its place as its id. After a break, connect again with `Last-Event-ID`: what happened meanwhile follows.",
        tags,
        querystring: streamQuery,
        produces: ["text/event-stream"],
      },
    },
    async (request, reply) => {
      const filter = readFilter(request.query);
      const seen = request.headers["last-event-id"] || request.query.cursor;
      const start = typeof seen === "string" ? seen : await events.now();
      // What is wrong with the cursor is said before the stream begins: afterwards there are no refusals.
      await events.read(filter, { cursor: start, limit: 1 });
      return sendEvents(request, reply, ({ signal }) =>
        asServerEvents(start, events.follow(filter, start, signal)),
      );
    },
  );
}

/** An id without data says how far all was read, also when nothing passed the filter: a break then costs nothing. */
async function* asServerEvents(start: string, pages: AsyncIterable<EventPage>): AsyncGenerator<ServerEvent> {
  let told = start;
  yield { id: start };
  for await (const page of pages) {
    for (const { event, cursor } of page.items) yield { id: cursor, data: event };
    if (page.cursor !== told) yield { id: page.cursor };
    told = page.cursor;
  }
}

function readFilter(query: {
  type?: readonly string[] | undefined;
  tenantId?: string | undefined;
}): EventFilter {
  return {
    names: query.type?.map((type) => type.slice(eventTypePrefix.length) as EventName),
    tenantId: query.tenantId === undefined ? undefined : requireId("tnt", query.tenantId, "?tenantId"),
  };
}
