import type {
  TestKitAddress,
  TestKitChange,
  TestKitJoin,
  TestKitJoined,
  TestKitSession,
  TestKitTenant,
  TestKitUser,
} from "@tenantry/contract";
import { TestKitError } from "./errors.ts";

/** One membership of a host: what this run of tests has there, until it leaves or its process ends. */
export type Membership = {
  readonly joined: TestKitJoined;
  readonly url: string;
  addTenant(wanted: TestKitTenant): Promise<string>;
  changeTenant(environmentId: string, change: TestKitChange): Promise<void>;
  removeTenant(environmentId: string): Promise<void>;
  openSession(environmentId: string, user: TestKitUser): Promise<TestKitSession>;
  leave(): Promise<void>;
};

type Problem = { code?: string; detail?: string; title?: string; remedy?: string };

export async function joinHost(address: TestKitAddress, wanted: TestKitJoin): Promise<Membership> {
  const { url, key } = address;
  const leaving = new AbortController();
  let gone: TestKitError | undefined;

  async function ask(method: string, path: string, body?: object, signal?: AbortSignal): Promise<Response> {
    if (gone) throw gone;
    const headers = { authorization: `Bearer ${key}`, ...(body && { "content-type": "application/json" }) };
    const init = { method, headers, body: body && JSON.stringify(body), signal };
    const response = await fetch(`${url}${path}`, init).catch((cause: unknown) => {
      throw gone ?? hostGone(cause);
    });
    if (response.ok) return response;
    const problem = (await response.json().catch(() => ({}))) as Problem;
    const sentences = [
      problem.detail ?? problem.title ?? `The host answered ${response.status}.`,
      problem.remedy,
    ];
    throw new TestKitError(problem.code ?? "unknown", sentences.filter(Boolean).join(" "));
  }

  const { body } = await ask("POST", "/kit/members", wanted, leaving.signal);
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  const joined = await readFirstEvent(reader);
  const ended = readToEnd(reader).then(() => {
    gone ??= hostGone();
  });
  const member = `/kit/members/${joined.memberId}/tenants`;
  return {
    joined,
    url,
    async addTenant(asked) {
      const response = await ask("POST", member, asked);
      return ((await response.json()) as { environmentId: string }).environmentId;
    },
    changeTenant: async (id, change) => void (await done(ask("PATCH", `${member}/${id}`, change))),
    removeTenant: async (id) => void (await done(ask("DELETE", `${member}/${id}`))),
    async openSession(id, user) {
      return (await (await ask("POST", `${member}/${id}/sessions`, user)).json()) as TestKitSession;
    },
    async leave() {
      gone ??= new TestKitError("closed", "This test kit was closed.");
      leaving.abort();
      await ended;
    },
  };
}

const done = async (answer: Promise<Response>): Promise<unknown> => (await answer).arrayBuffer();

type TextReader = ReadableStreamDefaultReader<string>;

async function readFirstEvent(reader: TextReader): Promise<TestKitJoined> {
  let text = "";
  while (!text.includes("\n\n")) {
    const { done, value } = await reader.read();
    if (done) throw hostGone();
    text += value;
  }
  return JSON.parse(text.slice("data: ".length)) as TestKitJoined;
}

/** The stream ends with the host, or when we leave. */
async function readToEnd(reader: TextReader): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // Cut off: ended, too.
  }
}

function hostGone(cause?: unknown): TestKitError {
  return new TestKitError(
    "host_gone",
    "The test kit's host has ended, and its tenants with it. Start the tests again; host.log in its directory says why.",
    { cause },
  );
}
