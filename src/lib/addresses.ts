import { BlockList, isIP } from "node:net";

/** Whether a string is an IP address, or a block of them as `10.0.0.0/8`. */
export function isAddressBlock(item: string): boolean {
  const { family, bits } = parse(item);
  return family !== 0 && bits >= 0 && bits <= bitsOf(family);
}

/**
 * A test for addresses: whether one is in the list. An IPv4 address in IPv6's form (`::ffff:10.0.0.1`) counts as itself.
 *
 * @param items see `isAddressBlock`
 */
export function addressRule(items: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList();
  for (const item of items) {
    const { address, family, bits } = parse(item);
    list.addSubnet(address, bits, family === 4 ? "ipv4" : "ipv6");
  }
  return (address = "") => {
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 4 ? "ipv4" : "ipv6");
  };
}

function parse(item: string): { readonly address: string; readonly family: number; readonly bits: number } {
  const [, address = "", bits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(item) ?? [];
  const family = isIP(address);
  return { address, family, bits: bits === undefined ? bitsOf(family) : Number(bits) };
}

function bitsOf(family: number): number {
  return family === 4 ? 32 : 128;
}
