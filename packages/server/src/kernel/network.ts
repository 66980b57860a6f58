/** One subscriber has a whole /64 of IPv6, which counts as one address; whatever else it is stands for itself. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  // A zone (RFC 4007) names an interface of this machine.
  const url = address.includes(":") && URL.parse(`http://[${address.split("%", 1)[0]}]`);
  return url ? network64(url.hostname.slice(1, -1)) : address;
}

/** `address` in the shortest form. */
function network64(address: string): string {
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail ? tail.split(":") : [];
  if (tail !== undefined)
    groups.push(...Array.from({ length: 8 - groups.length - rest.length }, () => "0"), ...rest);
  return `${groups.slice(0, 4).join(":")}::/64`;
}
