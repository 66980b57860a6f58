import { expect, test } from "vitest";
import { networkOf } from "./network.ts";

test("a network is one address of IPv4, or a subscriber's whole part of IPv6, however it is written", () => {
  const networks = {
    "203.0.113.7": ["203.0.113.7", "::ffff:203.0.113.7", "::FFFF:203.0.113.7"],
    "2001:db8:1:2::/64": ["2001:db8:1:2::1", "2001:DB8:1:2:ffff::9", "2001:0db8:0001:0002:0:0:0:1"],
    "2001:db8:0:0::/64": ["2001:db8::1", "2001:db8:0:0:1::"],
    "fe80:0:0:0::/64": ["fe80::1%eth0", "fe80::2%25eth0"],
    "0:0:0:0::/64": ["::1", "::"],
    "": [""],
    "no:address": ["no:address"],
  };
  for (const [network, addresses] of Object.entries(networks))
    expect(addresses.map(networkOf), network).toEqual(addresses.map(() => network));
});
