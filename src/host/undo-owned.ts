import { anywhere, inheritedAt, type OwnedArguments, ownedSomewhere } from '../boot/owned.ts';
import { forgetFormer } from './former-lines.ts';
import type { HostRecord } from './record.ts';

/** Whether the record knows a playbook: it owns something on the host. */
export function isKnown({ ownedArguments, lines, files }: HostRecord, playbook: string): boolean {
  const owns = (owned: OwnedArguments | undefined): boolean => owned !== undefined && ownedSomewhere(owned).length > 0;
  return (
    owns(ownedArguments[playbook]) ||
    owns(lines[playbook]) ||
    Object.values(files).some((file) => file.playbooks.includes(playbook))
  );
}

/** Names of the playbooks that own something on the host, in the order of the alphabet. */
export function knownPlaybooks(record: HostRecord): readonly string[] {
  const { ownedArguments, lines, files } = record;
  const names = [
    ...Object.keys(ownedArguments),
    ...Object.keys(lines),
    ...Object.values(files).flatMap((file) => file.playbooks),
  ];
  return [...new Set(names)].filter((name) => isKnown(record, name)).sort();
}

/** Tokens that are this playbook's alone, by place. */
export function soleTokens({ ownedArguments }: HostRecord, playbook: string): OwnedArguments {
  const others = Object.entries(ownedArguments).flatMap(([name, owned]) => (name === playbook ? [] : [owned]));
  return Object.fromEntries(
    Object.entries(ownedArguments[playbook] ?? {}).map(([place, tokens]) => {
      const taken = others.flatMap((owned) => (place === anywhere ? ownedSomewhere(owned) : inheritedAt(owned, place)));
      return [place, tokens.filter((token) => !taken.includes(token))];
    }),
  );
}

/** Lines of one file that are this playbook's alone. */
export function soleLines({ lines }: HostRecord, playbook: string, path: string): readonly string[] {
  const taken = Object.entries(lines).flatMap(([name, owned]) => (name === playbook ? [] : (owned[path] ?? [])));
  return (lines[playbook]?.[path] ?? []).filter((line) => !taken.includes(line));
}

/** Other playbooks that wrote a file, or own a token or a line in it. */
export function othersAt(record: HostRecord, playbook: string, path: string): readonly string[] {
  const { ownedArguments, lines, files } = record;
  const holders = [ownedArguments, lines].flatMap((owned) =>
    Object.entries(owned).flatMap(([name, byPlace]) => ((byPlace[path] ?? []).length > 0 ? [name] : [])),
  );
  const all = [...(files[path]?.playbooks ?? []), ...holders];
  return [...new Set(all)].filter((name) => name !== playbook).sort();
}

/** The record without a playbook: what others own stays. Files of nobody any more are forgotten. */
export function forget(record: HostRecord, playbook: string): HostRecord {
  const { [playbook]: _tokens, ...ownedArguments } = record.ownedArguments;
  const { [playbook]: _lines, ...lines } = record.lines;
  const { [playbook]: _steps, ...steps } = record.steps ?? {};
  const files = Object.entries(record.files).flatMap(([path, file]) => {
    if (!file.playbooks.includes(playbook)) return [[path, file] as const];
    const playbooks = othersAt(record, playbook, path);
    return playbooks.length === 0 ? [] : [[path, { ...file, playbooks }] as const];
  });
  const { formerLines: _former, ...rest } = record;
  return {
    ...rest,
    ownedArguments,
    lines,
    ...forgetFormer(record, playbook),
    files: Object.fromEntries(files),
    ...(record.steps !== undefined && { steps }),
  };
}
