import { expect, it } from "vitest";
import { TenantryError } from "../../kernel/index.ts";
import { displayName, isApex, readHostname } from "./hostname.ts";

const rules = { rootDomain: "tenants.io", ownNames: ["api.acme-cloud.net"], allowsPrivate: false };

it.each([
  ["www.acme.com", "www.acme.com"],
  [" WWW.Acme.COM. ", "www.acme.com"],
  ["acme.co.uk", "acme.co.uk"],
  ["acme.github.io", "acme.github.io"],
  ["bücher.de", "xn--bcher-kva.de"],
  ["xn--bcher-kva.de", "xn--bcher-kva.de"],
  ["店.公司", "xn--hxt.xn--55qx5d"],
  ["shopの店.jp", "xn--shop-8c4c004y.jp"],
  ["пример.рф", "xn--e1afmkfd.xn--p1ai"],
  ["магазин.com", "xn--80aairftm.com"],
  ["ｗｗｗ．acme．com", "www.acme.com"],
  ["a.b.c.d.acme.com", "a.b.c.d.acme.com"],
  ["tenants.io.acme.com", "tenants.io.acme.com"],
  ["mytenants.io", "mytenants.io"],
])("%s is taken, as %s", (text, hostname) => {
  expect(readHostname(text, rules)).toBe(hostname);
});

const nobodys = /belongs to nobody alone/;
const installations = /installation's own/;
const address = /IP address/;
const alone = /hostname alone/;
const disguised = /pass for those of another script/;
it.each([
  ["tenants.io", installations],
  ["acme.tenants.io", installations],
  ["ACME.Tenants.IO.", installations],
  ["api.acme-cloud.net", installations],
  ["127.0.0.1", address],
  ["1.2.3", address],
  ["0x7f.1", address],
  ["[::1]", address],
  ["2001:db8::1", address],
  ["www.acme.123", /isn't a hostname/],
  ["com", nobodys],
  ["co.uk", nobodys],
  ["github.io", nobodys],
  ["intranet", nobodys],
  ["日本", nobodys],
  ["localhost", /reserved/],
  ["acme.localhost", /reserved/],
  ["printer.local", /reserved/],
  ["acme.onion", /reserved/],
  ["1.0.0.127.in-addr.arpa", /reserved/],
  ["shop.test", /public DNS doesn't have it/],
  ["shop.internal", /public DNS doesn't have it/],
  ["*.acme.com", /Wildcards/],
  ["www.*.com", /Wildcards/],
  ["_dmarc.acme.com", /underscores/],
  ["https://acme.com", alone],
  ["acme.com:443", alone],
  ["acme.com/shop", alone],
  ["user@acme.com", alone],
  ["ac me.com", alone],
  ["acme.com\u0000", alone],
  ["acme%2ecom", alone],
  ["", /isn't a hostname/],
  [".", /isn't a hostname/],
  ["acme..com", /isn't a hostname/],
  ["-acme.com", /isn't a hostname/],
  ["acme-.com", /isn't a hostname/],
  [`${"a".repeat(64)}.com`, /isn't a hostname/],
  [`${"a.".repeat(116)}com`, /at most 233/],
  ["xn--a.com", /isn't a hostname/],
  // Cyrillic а among Latin letters, and a word of nothing but Latin twins.
  ["pаypal.com", disguised],
  ["аррӏе.com", disguised],
  ["xn--80ak6aa92e.com", disguised],
  ["acme.tеnants.io", disguised],
  ["acme.ténants.io", /mistaken for/],
  ["tenаnts-io.com", disguised],
  ["<script>.com", /isn't a hostname/],
  ["'; drop table domains; --.com", alone],
])("%j is refused", (text, reason) => {
  const read = () => readHostname(text, rules);
  expect(read).toThrow(TenantryError);
  expect(read).toThrow(reason);
});

it("names that public DNS doesn't have are for those whom an operator vouches for, or who ask a DNS of their own", () => {
  const own = { ...rules, allowsPrivate: true };
  expect(readHostname("shop.test", own)).toBe("shop.test");
  expect(readHostname("shop.intern", own)).toBe("shop.intern");
  expect(() => readHostname("shop.localhost", own)).toThrow(/reserved/);
  expect(() => readHostname("intranet", own)).toThrow(nobodys);
});

it("a root domain in other letters has its look-alikes, too", () => {
  const german = { ...rules, rootDomain: "xn--bcher-kva.de" };
  expect(() => readHostname("shop.bucher.de", german)).toThrow(/mistaken for/);
  expect(readHostname("shop.bucherei.de", german)).toBe("shop.bucherei.de");
});

it("people read it in their letters, and what was registered is told from what lies below", () => {
  expect(displayName("xn--bcher-kva.de")).toBe("bücher.de");
  expect(["acme.com", "acme.co.uk", "acme.github.io"].map(isApex)).toEqual([true, true, true]);
  expect(["www.acme.com", "shop.acme.co.uk"].map(isApex)).toEqual([false, false]);
});
