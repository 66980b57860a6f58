import { breach, type Probe, type ProbeAnswer, refused } from "../../../drivers/probe.ts";
import { echoOf, type GatewayAddress, type Visit, visit } from "./visit.ts";

/** The gateway, asked under one canary's host with whatever speaks for another. */
export type GatewayGround = {
  /** Where this node finds the gateway. */
  address: GatewayAddress;
  from: GatewaySubject;
  to: GatewaySubject;
};

export type GatewaySubject = {
  hostname: string;
  /** `tnt_…` and `env_…` */
  tenant: string;
  environment: string;
  session: string;
};

const remedy = "Look at the probe registry.routes first; if that is sound, stop the gateway and upgrade.";

/** Each visit must come out as a visit to `as`, or not come through at all. */
async function allAre(
  { address }: GatewayGround,
  as: GatewaySubject,
  visits: readonly Omit<Visit, "address">[],
): Promise<ProbeAnswer> {
  const through: number[] = [];
  for (const one of visits) {
    const answer = await visit({ ...one, address });
    const echo = echoOf(answer);
    if (!echo) {
      if (answer.status < 400)
        return breach(`${tried(one)} answers ${answer.status}, and isn't the gateway's own.`);
      through.push(answer.status);
      continue;
    }
    const { tenants, environments, claims } = echo;
    const whole = tenants.length === 1 && environments.length === 1 && claims.length === 1;
    if (
      !whole ||
      tenants[0] !== as.tenant ||
      claims[0]!.sub !== as.tenant ||
      claims[0]!.env !== as.environment
    ) {
      const whom = [...new Set([...tenants, ...claims.map(({ sub }) => sub)])].join(", ");
      return breach(`${tried(one)} is passed on as ${whom || "nobody"} instead of ${as.tenant}.`);
    }
    through.push(answer.status);
  }
  return refused(
    `${visits.length} requests, each passed on as its host's tenant or refused (${[...new Set(through)].join(", ")})`,
  );
}

const tried = ({ what }: Omit<Visit, "address">): string => `A request ${what}`;

export const gatewayProbes: readonly Probe<GatewayGround>[] = [
  {
    id: "gateway.identity",
    path: "gateway",
    title: "whom the gateway says a request to its host is for",
    remedy,
    run: (ground) =>
      allAre(ground, ground.from, [{ what: "to its host", headers: ["Host", ground.from.hostname] }]),
  },
  {
    id: "gateway.forged-headers",
    path: "gateway",
    title: "say by Tenantry-Tenant, -Environment and -Token that it is the neighbour",
    remedy,
    run(ground) {
      const { from, to } = ground;
      const forged = unsignedToken(to);
      const host = ["Host", from.hostname];
      return allAre(ground, from, [
        { what: "with Tenantry-Tenant", headers: [...host, "Tenantry-Tenant", to.tenant] },
        { what: "with it in lower case", headers: [...host, "tenantry-tenant", to.tenant] },
        {
          what: "with it twice",
          headers: [...host, "Tenantry-Tenant", to.tenant, "Tenantry-Tenant", to.tenant],
        },
        { what: "with an underscore in it", headers: [...host, "Tenantry_Tenant", to.tenant] },
        {
          what: "that names it as hop-by-hop",
          headers: [...host, "Connection", "Tenantry-Tenant, Tenantry-Token"],
        },
        { what: "with Tenantry-Token", headers: [...host, "Tenantry-Token", forged] },
        {
          what: "with Tenantry-Environment and Tenantry-Token",
          headers: [...host, "TENANTRY-ENVIRONMENT", "staging", "TENANTRY-TOKEN", forged],
        },
      ]);
    },
  },
  {
    id: "gateway.spoofed-host",
    path: "gateway",
    title: "name the neighbour's host beside its own: in other headers, in the target, twice",
    remedy,
    run(ground) {
      const { from, to } = ground;
      const host = ["Host", from.hostname];
      return allAre(ground, from, [
        { what: "with X-Forwarded-Host", headers: [...host, "X-Forwarded-Host", to.hostname] },
        { what: "with X-Host", headers: [...host, "X-Host", to.hostname, "X-Original-Host", to.hostname] },
        { what: "with Forwarded", headers: [...host, "Forwarded", `host=${to.hostname}`] },
        { what: "with X-Original-URL", headers: [...host, "X-Original-URL", `http://${to.hostname}/`] },
        { what: "whose target names the other host", headers: host, target: `http://${to.hostname}/` },
        { what: "with two hosts", headers: [...host, "Host", to.hostname] },
        { what: "with both hosts in one", headers: ["Host", `${from.hostname}, ${to.hostname}`] },
      ]);
    },
  },
  {
    id: "gateway.paths",
    path: "gateway",
    title: "get to the neighbour by the path, as for a media file of its",
    remedy,
    run(ground) {
      const { from, to } = ground;
      const headers = ["Host", from.hostname];
      const targets = [
        `//${to.hostname}/media/a.png`,
        `/../${to.tenant}/media/a.png`,
        `/%2e%2e/${to.environment}/media/a.png`,
        `/media/..%2f..%2f${to.environment}%2fa.png`,
        `/@${to.hostname}/`,
        `/media/${to.environment}/a.png?tenant=${to.tenant}`,
      ];
      return allAre(
        ground,
        from,
        targets.map((target) => ({ what: `for ${target}`, headers, target })),
      );
    },
  },
  {
    id: "gateway.other-cookie",
    path: "gateway",
    title: "bring its own session and keys to the neighbour's host",
    remedy,
    run: (ground) => {
      const { from, to } = ground;
      const cookie = `__Host-tenantry=${from.session}; tenantry=${from.session}`;
      return allAre(ground, to, [
        { what: "with its cookie", headers: ["Host", to.hostname, "Cookie", cookie] },
        {
          what: "with its session as a key",
          headers: [
            "Host",
            to.hostname,
            "Authorization",
            `Bearer ${from.session}`,
            "Tenantry-Tenant",
            from.tenant,
          ],
        },
      ]);
    },
  },
  {
    id: "gateway.other-certificate",
    path: "gateway",
    title: "ask for the neighbour's host on a connection that was secured for its own",
    remedy,
    applies: ({ address }) => address.tlsPort !== undefined,
    run: (ground) => {
      const { from, to } = ground;
      const securedFor = from.hostname;
      return allAre(ground, from, [
        { what: "secured for its host", headers: ["Host", from.hostname], securedFor },
        { what: "secured for another host", headers: ["Host", to.hostname], securedFor },
      ]);
    },
  },
  {
    id: "gateway.reserved-paths",
    path: "gateway",
    title: "ask the gateway's own paths on its host about the neighbour",
    remedy,
    async run({ address, from, to }) {
      const headers = ["Host", from.hostname, "X-Forwarded-Host", to.hostname];
      const health = await visit({ what: "health", address, headers, target: "/_tenantry/health" });
      if (health.body.includes(to.hostname)) return breach("/_tenantry/health tells of the neighbour.");
      for (const target of ["/_tenantry/", "/_tenantry/routes", `/_tenantry/health/${to.hostname}`]) {
        const { status } = await visit({ what: target, address, headers, target });
        if (status < 400) return breach(`${target} answers ${status}.`);
      }
      return refused("its own health, and nothing else");
    },
  },
];

function unsignedToken({ tenant, environment }: GatewaySubject): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const seconds = Math.floor(Date.now() / 1_000);
  const claims = { sub: tenant, env: environment, iat: seconds, exp: seconds + 60 };
  return `${encode({ alg: "none", typ: "JWT" })}.${encode(claims)}.`;
}
