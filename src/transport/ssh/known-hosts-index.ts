import { knownName, namesHost } from './host-pattern.ts';
import type { KnownHost } from './known-hosts.ts';

/** Entries by name, for files with thousands of them. */
export interface KnownHostsIndex {
  /** Entries that name a host, as `knownName` gives it. */
  of(name: string): readonly KnownHost[];
  add(entry: KnownHost): void;
}

/** What is known of one host. */
export interface HostEntries {
  /** Under its address and port. */
  readonly exact: readonly KnownHost[];
  /** Under its address alone, when the port is not 22. */
  readonly plain: readonly KnownHost[];
}

/** Plain names are looked up, patterns and hashed names compared once for each host. */
export function createIndex(entries: readonly KnownHost[]): KnownHostsIndex {
  const plain = new Map<string, KnownHost[]>();
  const compared: KnownHost[] = [];
  const memory = new Map<string, readonly KnownHost[]>();

  const add = (entry: KnownHost): void => {
    memory.clear();
    if (/[|*?!]/.test(entry.names)) {
      compared.push(entry);
      return;
    }
    for (const name of new Set(entry.names.toLowerCase().split(','))) {
      const known = plain.get(name);
      if (known === undefined) plain.set(name, [entry]);
      else known.push(entry);
    }
  };
  for (const entry of entries) add(entry);

  return {
    add,
    of(name) {
      const found = memory.get(name) ?? [
        ...(plain.get(name) ?? []),
        ...compared.filter((entry) => namesHost(entry.names, name)),
      ];
      memory.set(name, found);
      return found;
    },
  };
}

/** What several files know of a host. */
export function lookUp(files: readonly KnownHostsIndex[], address: string, port: number): HostEntries {
  const of = (name: string): readonly KnownHost[] => files.flatMap((file) => file.of(name));
  return { exact: of(knownName(address, port)), plain: port === 22 ? [] : of(knownName(address, 22)) };
}
