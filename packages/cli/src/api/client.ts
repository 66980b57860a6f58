import type { Installation } from "../installation.ts";
import { CliError, type Problem, refusal } from "../problem.ts";
import { readEvents, type StreamEvent } from "./event-stream.ts";
import { unreachable } from "./unreachable.ts";

export type Call = {
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  /** Sent as they are, instead of a body. */
  bytes?: Uint8Array | undefined;
  /** The ETag of what is to be changed: `precondition_failed` when it is another by now. */
  ifMatch?: string | undefined;
  /** Seconds after which long work is to be answered by the operation that does it. */
  waitSeconds?: number;
};

export type EventsCall = Pick<Call, "query"> & {
  /** What came before, so that what follows it comes now. */
  lastEventId?: string | undefined;
};

export type Reply<Body> = { status: number; body: Body; etag?: string | undefined };

export type Client = {
  /** Where the API is. */
  readonly url: string;
  /** One request. What the API refuses is thrown as a `CliError` with its problem. */
  call<Body>(method: string, path: string, call?: Call): Promise<Reply<Body>>;
  /** The server-sent events at `path`, until the server ends it; throws when it breaks off or falls silent. */
  events<Data>(path: string, call?: EventsCall): AsyncGenerator<StreamEvent<Data>>;
};

export type ClientOptions = {
  /** Milliseconds until a request is given up. */
  deadlineMs?: number;
  /** Milliseconds without a sign of life on an event stream; the API sends one every 15 seconds. */
  silenceMs?: number;
};

/** Speaks to the API of an installation. Doesn't follow redirects: the key is for that place alone. */
export function createClient(installation: Installation, options: ClientOptions = {}): Client {
  const { deadlineMs = 60_000, silenceMs = 45_000 } = options;

  async function send(
    method: string,
    path: string,
    { query, body, bytes, headers: more = {} }: Call & { headers?: Record<string, string | undefined> },
    signal: AbortSignal,
  ): Promise<Response> {
    const target = new URL(installation.url + path);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) target.searchParams.set(name, String(value));
    }
    const headers: Record<string, string> = {
      authorization: `Bearer ${installation.apiKey}`,
      accept: "application/json, text/event-stream",
      "user-agent": "tenantry-cli",
    };
    for (const [name, value] of Object.entries(more)) if (value !== undefined) headers[name] = value;
    if (body !== undefined) headers["content-type"] = "application/json";
    if (bytes !== undefined) headers["content-type"] = "application/octet-stream";
    const content = bytes ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await fetch(target, { method, headers, body: content, signal, redirect: "manual" });
    if (!response.ok) throw await refused(response);
    return response;
  }

  return {
    url: installation.url,
    async call<Body>(method: string, path: string, call: Call = {}) {
      try {
        const { ifMatch, waitSeconds, ...rest } = call;
        const prefer = waitSeconds === undefined ? undefined : `wait=${waitSeconds}`;
        const request = { ...rest, headers: { "if-match": ifMatch, prefer } };
        const response = await send(method, path, request, AbortSignal.timeout(deadlineMs));
        const text = await response.text();
        const etag = response.headers.get("etag") ?? undefined;
        return { status: response.status, body: (text ? parse(text) : null) as Body, etag };
      } catch (error) {
        throw error instanceof CliError ? error : unreachable(installation.url, error);
      }
    },

    async *events<Data>(path: string, { query, lastEventId }: EventsCall = {}) {
      const silence = new AbortController();
      const timer = setTimeout(() => silence.abort(new DOMException("silent", "TimeoutError")), silenceMs);
      try {
        const response = await send(
          "GET",
          path,
          { query, headers: { "last-event-id": lastEventId } },
          silence.signal,
        );
        yield* readEvents<Data>(eachRefreshing(response.body!, timer));
      } catch (error) {
        throw error instanceof CliError ? error : unreachable(installation.url, error);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

async function* eachRefreshing(chunks: AsyncIterable<Uint8Array>, timer: NodeJS.Timeout) {
  for await (const chunk of chunks) {
    timer.refresh();
    yield chunk;
  }
}

async function refused(response: Response): Promise<CliError> {
  const place = response.headers.get("location");
  if (response.status < 400 && place) {
    return refusal("not_tenantry", `The address given leads on to ${place}.`, {
      remedy: "If that is the API, give its address with --url or TENANTRY_URL.",
    });
  }
  const text = await response.text();
  if (response.headers.get("content-type")?.includes("json")) return new CliError(parse(text) as Problem);
  return notTenantry(`What is there answered ${response.status}, and not as a Tenantry API does.`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw notTenantry("What is there answered something that isn't JSON.", error);
  }
}

function notTenantry(title: string, cause?: unknown): CliError {
  return refusal("not_tenantry", title, {
    remedy: "Is this really the address of a Tenantry API? Look at --url or TENANTRY_URL.",
    cause,
  });
}
