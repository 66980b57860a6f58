import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { requireProgram } from "../../test/support/programs.ts";

/** Something that answers on a port, and the processes whose CPU time counts. */
export type Contender = { name: string; port: number; url: string; pids: number[]; stop(): Promise<void> };

export type Setup = { directory: string; hosts: string[]; upstream: Contender; databaseUrl: string };

/** An upstream that answers `/<n>` with n bytes. */
export function startUpstream(): Promise<Contender> {
  return startScript("upstream", "upstream.ts", {});
}

export function startGateway(setup: Setup): Promise<Contender> {
  return startScript("tenantry", "gateway-process.ts", { databaseUrl: setup.databaseUrl });
}

export function startHttpProxy(setup: Setup): Promise<Contender> {
  return startScript("http-proxy", "http-proxy-process.ts", {
    hostCount: setup.hosts.length,
    upstreamUrl: setup.upstream.url,
  });
}

/** nginx with one worker, a map of hosts and connections to the upstream kept open. */
export async function startNginx(setup: Setup): Promise<Contender> {
  const port = await freePort();
  const file = path.join(setup.directory, "nginx.conf");
  await writeFile(file, nginxConfiguration(setup, port));
  const child = spawn(requireProgram("nginx"), ["-c", file, "-p", setup.directory, "-e", "stderr"], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  await untilAccepted(port, child);
  return proxyOf("nginx", child, port);
}

function nginxConfiguration({ directory, hosts, upstream }: Setup, port: number): string {
  const entries = hosts.map((host) => `    ${host} 1;`).join("\n");
  return `
daemon off;
master_process off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${directory}/client;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  keepalive_requests 100000000;
  map_hash_max_size 65536;
  map_hash_bucket_size 128;
  map $host $known {
    default 0;
${entries}
  }
  upstream application {
    server 127.0.0.1:${upstream.port};
    keepalive 256;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    server_name *.localhost;
    location / {
      if ($known = 0) { return 404; }
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $host;
      proxy_set_header X-Request-Id $request_id;
      proxy_pass http://application;
    }
  }
}
`;
}

/** A script of this folder, given its settings as one argument; its first line says which port it took. */
async function startScript(name: string, script: string, settings: object): Promise<Contender> {
  const file = path.join(import.meta.dirname, script);
  const child = spawn(process.execPath, [file, JSON.stringify(settings)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await Promise.race([
    once(createInterface(child.stdout!), "line"),
    once(child, "exit").then(() => Promise.reject(new Error(`${script} ended before it listened.`))),
  ])) as [string];
  return proxyOf(name, child, Number(line));
}

function proxyOf(name: string, child: ChildProcess, port: number): Contender {
  return {
    name,
    port,
    url: `http://127.0.0.1:${port}`,
    pids: [child.pid!],
    async stop() {
      if (child.exitCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

async function untilAccepted(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const accepted = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (accepted) return;
  }
  throw new Error("nginx ended before it listened.");
}
