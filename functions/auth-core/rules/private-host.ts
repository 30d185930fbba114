import { BlockList } from "node:net";

/**
 * Whether the host of a URL is `localhost` or a literal address that is not on the public internet: private, loopback,
 * link-local, multicast or reserved (IANA's special-purpose address registries, RFC 6890). Does not resolve names: a name
 * that resolves to such an address passes.
 */
export function isPrivateHost(url: string): boolean {
  // `URL` has normalised other notations, like 0x7f.1 and upper case. A name may end in a dot.
  const host = new URL(url).hostname.replace(/\.+$/, "");
  if (host.startsWith("[")) return privateIpv6.check(host.slice(1, -1), "ipv6");
  return /(^|\.)localhost$/.test(host) || privateIpv4.check(host);
}

// Two lists: Node also compares an IPv4 address, as ::ffff:a.b.c.d, with the IPv6 networks of its list.
const privateIpv4 = networks("ipv4", [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  // Multicast and reserved.
  ["224.0.0.0", 3],
]);

// Public addresses are in 2000::/3 (RFC 4291), except these parts of it.
const privateIpv6 = networks("ipv6", [
  ["::", 3],
  ["4000::", 2],
  ["8000::", 1],
  ["2001::", 23],
  ["2001:db8::", 32],
  // 6to4 carries an IPv4 address, which can be a private one.
  ["2002::", 16],
  ["3fff::", 20],
]);

function networks(family: "ipv4" | "ipv6", of: [network: string, prefix: number][]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of of) list.addSubnet(network, prefix, family);
  return list;
}
