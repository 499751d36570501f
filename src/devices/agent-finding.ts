import type { PciDevice } from '../facts/facts.ts';

/** What the host agent of Cloudpods would do, or, with a remedy, reject. */
export interface Finding {
  readonly found: string;
  readonly remedy?: string;
}

/** Its code has `0000:` written into every path. */
export function domainFinding({ address }: PciDevice): readonly Finding[] {
  if (address.startsWith('0000:')) return [];
  return [
    {
      found: `it cannot address ${address}: it knows PCI domain 0000 alone`,
      remedy: `bind ${address} with consumer: plain, and give it to guests by hand`,
    },
  ];
}

/** What it would do with what facts do not tell of. */
export function unread(what: string): Finding {
  const remedy = 'read the facts again with this version of vfleet';
  return { found: `what it would do with ${what} is not known: they were not read`, remedy };
}
