import type { Reply } from "./http.ts";
import type { Installation } from "./installation.ts";

export const password = "correct horse battery";

/** Somebody at one tenant's site, over plain HTTP through the gateway: keeps the cookie and sends forms. */
export type SiteUser = {
  cookie: string;
  get(path: string): Promise<Reply>;
  post(path: string, fields?: Record<string, string>, headers?: Record<string, string>): Promise<Reply>;
  /** Logs in, and answers the status: 303 when that went well. */
  logIn(email: string, secret?: string): Promise<number>;
};

export function siteUser(installation: Installation, slug: string): SiteUser {
  const self: SiteUser = {
    cookie: "",
    get: (path) => installation.visit(slug, path, { headers: { cookie: self.cookie } }),
    async post(path, fields = {}, headers = {}) {
      const reply = await installation.visit(slug, path, {
        method: "POST",
        headers: {
          cookie: self.cookie,
          "content-type": "application/x-www-form-urlencoded",
          "sec-fetch-site": "same-origin",
          ...headers,
        },
        body: new URLSearchParams(fields).toString(),
      });
      const [set] = reply.headers["set-cookie"] ?? [];
      if (set) self.cookie = set.split(";")[0]!;
      return reply;
    },
    async logIn(email, secret = password) {
      return (await self.post("/admin/login", { email, password: secret })).status;
    },
  };
  return self;
}

/** Puts a file into a site's media library, as its form does. */
export function uploadTo(
  installation: Installation,
  slug: string,
  file: { cookie: string; name: string; content: string },
): Promise<Reply> {
  const boundary = "----boundary-of-the-test";
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="${file.name}"\r\n\r\n`;
  return installation.visit(slug, "/admin/media", {
    method: "POST",
    headers: {
      cookie: file.cookie,
      "sec-fetch-site": "same-origin",
      "content-type": `multipart/form-data; boundary=${boundary}`,
    },
    body: `${head}${file.content}\r\n--${boundary}--\r\n`,
  });
}
