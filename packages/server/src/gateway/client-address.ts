import { BlockList, isIPv6, type Socket } from "node:net";
import type { RequestHeaders } from "./request-headers.ts";

export type ClientAddresses = {
  /** Who is on the other end of the connection; asked once per connection. */
  of(socket: Socket): Peer;
  /** How the client reached us, or the proxy before us. */
  scheme(peer: Peer, headers: RequestHeaders, own: Scheme): Scheme;
  /** Adds what the upstream may believe about where the request came from. */
  addForwarded(passed: string[], peer: Peer, headers: RequestHeaders, scheme: Scheme): void;
};

export type Scheme = "http" | "https";

export type Peer = {
  readonly address: string;
  /** As `Forwarded` writes it: an IPv6 address in brackets and quotes. */
  readonly node: string;
  readonly trusted: boolean;
};

const kPeer = Symbol("peer");

/** Believes X-Forwarded-For and -Proto from the proxies in `trustedProxies` (CIDR), and from nobody else. */
export function createClientAddresses(trustedProxies: readonly string[]): ClientAddresses {
  const trusted = new BlockList();
  for (const cidr of trustedProxies) addRange(trusted, cidr);

  return {
    of(socket: Socket & { [kPeer]?: Peer }) {
      socket[kPeer] ??= describe(socket.remoteAddress ?? "", trusted);
      return socket[kPeer];
    },
    scheme(peer, headers, own) {
      const { forwardedProto } = headers;
      return peer.trusted && (forwardedProto === "http" || forwardedProto === "https") ? forwardedProto : own;
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

function describe(remoteAddress: string, trusted: BlockList): Peer {
  // An IPv4 client of a listener for both families.
  const address = remoteAddress.startsWith("::ffff:") ? remoteAddress.slice(7) : remoteAddress;
  const family = isIPv6(address) ? "ipv6" : "ipv4";
  return { address, node: nodeOf(address), trusted: address !== "" && trusted.check(address, family) };
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
