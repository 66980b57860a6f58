import type { Installation } from "./installation.ts";
import { CliError, type Problem, refusedBy } from "./problem.ts";

export type Call = {
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  /** Seconds to wait for a long operation to end. */
  waitSeconds?: number;
  headers?: Record<string, string>;
};

export type Reply<Body> = { status: number; headers: Headers; body: Body };

export type Client = {
  call<Body>(method: string, path: string, call?: Call): Promise<Reply<Body>>;
  /** The data of the server-sent events at `path`, until the server ends it. */
  events<Data>(path: string, signal: AbortSignal): AsyncGenerator<Data>;
};

/** Speaks to the API of an installation; whatever it refuses is thrown as a `CliError` with its problem. */
export function createClient({ url, apiKey }: Installation): Client {
  async function send(method: string, path: string, call: Call, signal?: AbortSignal): Promise<Response> {
    const target = new URL(url + path);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) target.searchParams.set(name, String(value));
    }
    const headers: Record<string, string> = { authorization: `Bearer ${apiKey}`, ...call.headers };
    if (call.body !== undefined) headers["content-type"] = "application/json";
    if (call.waitSeconds) headers.prefer = `wait=${call.waitSeconds}`;
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    try {
      return await fetch(target, { method, headers, body, signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new CliError(`The installation at ${url} doesn't answer.`, {
        remedy: "Is it running? Start it with `npm start`.",
        cause: error,
      });
    }
  }

  return {
    async call<Body>(method: string, path: string, call: Call = {}) {
      const response = await send(method, path, call);
      if (!response.ok) throw await refusal(response);
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: (text ? JSON.parse(text) : null) as Body,
      };
    },
    async *events<Data>(path: string, signal: AbortSignal) {
      const response = await send("GET", path, { headers: { accept: "text/event-stream" } }, signal);
      if (!response.ok) throw await refusal(response);
      let rest = "";
      const decoder = new TextDecoder();
      for await (const chunk of response.body!) {
        rest += decoder.decode(chunk as Uint8Array, { stream: true });
        const events = rest.split("\n\n");
        rest = events.pop()!;
        for (const event of events) {
          const data = event.split("\n").filter((line) => line.startsWith("data:"));
          if (data.length > 0) yield JSON.parse(data.map((line) => line.slice(5)).join("\n")) as Data;
        }
      }
    },
  };
}

async function refusal(response: Response): Promise<CliError> {
  const text = await response.text();
  if (response.headers.get("content-type")?.includes("json")) return refusedBy(JSON.parse(text) as Problem);
  return new CliError(`The server answered ${response.status}.`, {
    remedy: "Is this really a Tenantry API?",
  });
}
