import { isIPv6 } from "node:net";

/** One subscriber has a whole /64 of IPv6, which counts as one address; an address of IPv4 stands for itself. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  return isIPv6(address) ? network64(address) : address;
}

function network64(address: string): string {
  // A zone (RFC 4007) names an interface of this machine.
  const { hostname } = new URL(`http://[${address.split("%", 1)[0]}]`);
  const [head = "", tail] = hostname.slice(1, -1).split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail ? tail.split(":") : [];
  if (tail !== undefined)
    groups.push(...Array.from({ length: 8 - groups.length - rest.length }, () => "0"), ...rest);
  return `${groups.slice(0, 4).join(":")}::/64`;
}
