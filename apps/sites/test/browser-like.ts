import type { Answer, Ask, Environment, RunningSite } from "./running-site.ts";

/** Somebody who uses one tenant's site over HTTP: keeps the session's cookie, and sends forms as a browser does. */
export type Visitor = {
  get(target: string, headers?: Record<string, string>): Promise<Answer>;
  post(target: string, fields: Record<string, string>, headers?: Record<string, string>): Promise<Answer>;
  /** Sends files as a form of the media library does. */
  upload(files: readonly { name: string; content: Uint8Array | string }[], ask?: Ask): Promise<Answer>;
  login(email: string): Promise<void>;
  cookie: string;
};

const ownOrigin = { "sec-fetch-site": "same-origin" };

export function visitor(site: RunningSite, tenant: Environment): Visitor {
  const self: Visitor = {
    cookie: "",
    get: (target, headers = {}) => site.ask(tenant, target, { headers: { cookie: self.cookie, ...headers } }),
    post: (target, fields, headers = {}) =>
      site.ask(tenant, target, {
        method: "POST",
        headers: {
          cookie: self.cookie,
          "content-type": "application/x-www-form-urlencoded",
          ...ownOrigin,
          ...headers,
        },
        body: new URLSearchParams(fields).toString(),
      }),
    upload(files, ask = {}) {
      const { body, contentType } = multipart(files);
      return site.ask(tenant, "/admin/media", {
        method: "POST",
        body,
        ...ask,
        headers: { cookie: self.cookie, "content-type": contentType, ...ownOrigin, ...ask.headers },
      });
    },
    async login(email) {
      const answer = await self.post("/admin/login", { email, password: "correct horse battery" });
      if (answer.status !== 303) throw new Error(`Logging in answered ${answer.status}.`);
      self.cookie = answer.headers["set-cookie"]![0]!.split(";")[0]!;
    },
  };
  return self;
}

export function multipart(files: readonly { name: string; content: Uint8Array | string }[]): {
  body: Buffer;
  contentType: string;
} {
  const boundary = "----boundary-of-the-test";
  const parts = files.flatMap(({ name, content }) => [
    `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="${name}"\r\n`,
    "Content-Type: text/html\r\n\r\n",
    content,
    "\r\n",
  ]);
  const body = Buffer.concat([...parts, `--${boundary}--\r\n`].map((part) => Buffer.from(part)));
  return { body, contentType: `multipart/form-data; boundary=${boundary}` };
}

/** The value of a field in a page. */
export function fieldOf(page: Answer, name: string): string {
  const tag = page.text.match(new RegExp(`<input[^>]*name="${name}"[^>]*>`))?.[0] ?? "";
  return tag.match(/value="([^"]*)"/)?.[1] ?? "";
}
