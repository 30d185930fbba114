import type { BlockList } from "node:net";

/**
 * Whether the host of a URL is `localhost` or a literal address that is not on the public internet: private, loopback,
 * link-local, multicast or reserved (IANA's special-purpose address registries, RFC 6890). Does not resolve names: a name
 * that resolves to such an address passes.
 */
export function isPrivateHost(url: string): boolean {
  // `URL` has normalised other notations, like 0x7f.1 and upper case. A name may end in a dot.
  const host = new URL(url).hostname.replace(/\.+$/, "");
  if (host.startsWith("[")) return privateNetworks().ipv6.check(host.slice(1, -1), "ipv6");
  return /(^|\.)localhost$/.test(host) || privateNetworks().ipv4.check(host);
}

const ipv4Networks: Network[] = [
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
];

// Public addresses are in 2000::/3 (RFC 4291), except these parts of it.
const ipv6Networks: Network[] = [
  ["::", 3],
  ["4000::", 2],
  ["8000::", 1],
  ["2001::", 23],
  ["2001:db8::", 32],
  // 6to4 carries an IPv4 address, which can be a private one.
  ["2002::", 16],
  ["3fff::", 20],
];

type Network = [network: string, prefix: number];

let lists: Record<"ipv4" | "ipv6", BlockList> | undefined;

/** Made on first use: the cold start of a function whose list of callers has no issuer needs neither these nor node:net. */
function privateNetworks(): Record<"ipv4" | "ipv6", BlockList> {
  // Two lists: Node also compares an IPv4 address, as ::ffff:a.b.c.d, with the IPv6 networks of its list.
  lists ??= { ipv4: networks("ipv4", ipv4Networks), ipv6: networks("ipv6", ipv6Networks) };
  return lists;
}

function networks(family: "ipv4" | "ipv6", of: Network[]): BlockList {
  const { BlockList } = process.getBuiltinModule("node:net");
  const list = new BlockList();
  for (const [network, prefix] of of) list.addSubnet(network, prefix, family);
  return list;
}
