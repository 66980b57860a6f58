import { BlockList, isIPv6, type Socket } from "node:net";
import type { RequestHeaders } from "./request-headers.ts";

export type ClientAddresses = {
  /** The connection is secure, and for this host: to be said before anything comes over it. */
  secured(socket: Socket, hostname: string): void;
  /** Who is on the other end of the connection; asked once per connection. */
  of(socket: Socket): Peer;
  /** How the client reached us, or the proxy before us. */
  scheme(peer: Peer, headers: RequestHeaders): Scheme;
  /** Adds what the upstream may believe about where the request came from. */
  addForwarded(passed: string[], peer: Peer, headers: RequestHeaders, scheme: Scheme): void;
};

export type Scheme = "http" | "https";

export type Peer = {
  readonly address: string;
  /** As `Forwarded` writes it: an IPv6 address in brackets and quotes. */
  readonly node: string;
  readonly trusted: boolean;
  readonly scheme: Scheme;
  /** The host that it wanted to reach when the connection was secured: it may speak to no other on it. */
  readonly securedFor: string | undefined;
};

const kPeer = Symbol("peer");
const kSecuredFor = Symbol("secured for");

type KnownSocket = Socket & { [kPeer]?: Peer; [kSecuredFor]?: string };

/** Believes X-Forwarded-For and -Proto from the proxies in `trustedProxies` (CIDR), and from nobody else. */
export function createClientAddresses(trustedProxies: readonly string[]): ClientAddresses {
  const trusted = new BlockList();
  for (const cidr of trustedProxies) addRange(trusted, cidr);

  return {
    secured(socket: KnownSocket, hostname) {
      socket[kSecuredFor] = hostname;
    },
    of(socket: KnownSocket) {
      socket[kPeer] ??= describe(socket, trusted);
      return socket[kPeer];
    },
    scheme(peer, headers) {
      const { forwardedProto } = headers;
      return peer.trusted && (forwardedProto === "http" || forwardedProto === "https")
        ? forwardedProto
        : peer.scheme;
    },
    addForwarded(passed, peer, headers, scheme) {
      let address = peer.address;
      let node = `for=${peer.node}`;
      if (peer.trusted && headers.forwardedFor !== "") {
        address = `${headers.forwardedFor}, ${peer.address}`;
        node = `${headers.forwardedFor.split(",").map(forwardedNode).join(", ")}, ${node}`;
      }
      passed.push("X-Forwarded-For", address);
      passed.push("X-Forwarded-Proto", scheme);
      passed.push("X-Forwarded-Host", headers.host);
      passed.push("Forwarded", `${node};host="${headers.host}";proto=${scheme}`);
    },
  };
}

function describe(socket: KnownSocket, trusted: BlockList): Peer {
  const { remoteAddress = "" } = socket;
  // An IPv4 client of a listener for both families.
  const address = remoteAddress.startsWith("::ffff:") ? remoteAddress.slice(7) : remoteAddress;
  const family = isIPv6(address) ? "ipv6" : "ipv4";
  const securedFor = socket[kSecuredFor];
  return {
    address,
    node: nodeOf(address),
    trusted: address !== "" && trusted.check(address, family),
    scheme: securedFor === undefined ? "http" : "https",
    securedFor,
  };
}

function forwardedNode(address: string): string {
  return `for=${nodeOf(address.trim())}`;
}

function nodeOf(address: string): string {
  if (isIPv6(address)) return `"[${address}]"`;
  return /^[0-9.]+$/.test(address) ? address : "unknown";
}

function addRange(list: BlockList, cidr: string): void {
  const [address = "", bits] = cidr.split("/");
  const family = isIPv6(address) ? "ipv6" : "ipv4";
  list.addSubnet(address, bits === undefined ? (family === "ipv6" ? 128 : 32) : Number(bits), family);
}
