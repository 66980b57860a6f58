import type { OperationReply, TenantReply } from "@tenantry/contract";
import { eventually } from "./eventually.ts";

export type ApiReply<Body> = { status: number; headers: Headers; body: Body };

export type Api = {
  /** Any status is an answer. */
  call<Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<ApiReply<Body>>;
  /** The operation once it has come to an end, whatever that is. */
  ended(operationId: string): Promise<OperationReply>;
  /** Makes a tenant and answers it once it is active. */
  createTenant(slug: string, more?: Record<string, unknown>): Promise<TenantReply>;
};

const ends = ["succeeded", "failed", "cancelled", "needs_operator"];

/** The API of an installation, by the operator's key. `where` is asked for every call: a restart moves the port. */
export function createApi(where: () => { url: string; apiKey: string }): Api {
  async function call<Body>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<ApiReply<Body>> {
    const { url, apiKey } = where();
    const reply = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await reply.text();
    return { status: reply.status, headers: reply.headers, body: (text ? JSON.parse(text) : null) as Body };
  }

  async function ended(operationId: string): Promise<OperationReply> {
    let last: OperationReply | undefined;
    await eventually(
      () => `operation ${operationId} ends; it is ${JSON.stringify(last)}`,
      async () => {
        const { status, body } = await call<OperationReply>("GET", `/v1/operations/${operationId}`);
        last = body;
        return status === 200 && ends.includes(body.status);
      },
    );
    return last!;
  }

  async function createTenant(slug: string, more: Record<string, unknown> = {}): Promise<TenantReply> {
    const body = { slug, name: `The ${slug} company`, ...more };
    const reply = await call<TenantReply>("POST", "/v1/tenants", body, { prefer: "wait=60" });
    if (reply.status !== 201) throw new Error(`${slug} wasn't made: ${JSON.stringify(reply.body)}`);
    return reply.body;
  }

  return { call, ended, createTenant };
}
