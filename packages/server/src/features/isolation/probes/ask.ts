import { randomInt } from "node:crypto";
import type { Api } from "../../../infra/http/index.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
export type Question = {
  method: Method;
  url: string;
  /** The bearer's key; none when undefined. */
  key?: string | undefined;
  headers?: Record<string, string>;
  body?: object;
};
export type Answered = { status: number; code: string; body: unknown };

/** Of the network for measurements (RFC 2544): what is asked here counts against nobody's limit of requests. */
const nobodysAddress = (): string => `198.18.${randomInt(256)}.${randomInt(256)}`;

/** Asks this node's API as a client does: every gate is passed, and nothing is sent over the network. */
export async function ask(api: Api, question: Question): Promise<Answered> {
  const { method, url, key, headers, body } = question;
  const reply = await api.inject({
    remoteAddress: nobodysAddress(),
    method,
    url,
    headers: { host: "localhost", ...(key !== undefined && { authorization: `Bearer ${key}` }), ...headers },
    ...(body && { payload: body }),
  });
  const isJson = /\bjson\b/.test(String(reply.headers["content-type"]));
  const parsed: unknown = isJson && reply.body !== "" ? JSON.parse(reply.body) : undefined;
  const code = (parsed as { code?: unknown } | undefined)?.code;
  if (reply.statusCode === 429) throw new Error("the API was asked too often within a minute");
  return { status: reply.statusCode, code: typeof code === "string" ? code : "", body: parsed };
}
