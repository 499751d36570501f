import { parseRecord } from '../../src/host/record.ts';
import type { HostEnd } from '../../src/host/run.ts';
import { bootedArguments } from './grub.ts';
import type { Machine } from './machine.ts';
import type { World } from './play.ts';
import type { HooksWish } from './scenario.ts';
import { wishedArguments } from './wish.ts';

type Tell = (rule: string, text: string) => void;

interface Known {
  /** This part of the run has changed something on the host. */
  readonly changed: boolean;
  readonly run: string;
  readonly hooks: HooksWish | null;
}

/** What of the wish a host does not have yet; `null`: nothing. */
export function lacksWish({ arguments: running, files, initramfs, moduleOptions }: Machine): string | null {
  const lacks = (line: string): boolean => wishedArguments.some((token) => !line.split(' ').includes(token));
  if (lacks(running)) return `runs ${running}`;
  const next = bootedArguments(files.get('/boot/grub/grub.cfg')?.text ?? '');
  if (lacks(next)) return `will boot ${next}`;
  return initramfs === moduleOptions ? null : 'has an initramfs from before';
}

/** Whether a host is as its run says, at the moment when the run has ended. */
export function judgeEnd(machine: Machine, end: HostEnd, { changed, run, hooks }: Known, tell: Tell): void {
  const { name, files, drainedBy } = machine;
  const { state, failure, holdsSlot = state === 'lost' } = end;
  if (drainedBy === run && !holdsSlot)
    tell('a drained host keeps its slot', `${name} ends as ${state}, is drained, and gives its slot away`);
  if (failure?.code === 'bug') tell('no bugs', `${name}: ${failure.message}`);
  if (state === 'skipped' && changed) tell('skipped is untouched', `${name} is skipped, and was changed`);
  if (failure?.code === 'gate.closed' && changed)
    tell('refused is untouched', `${name} is refused by a gate, and was changed`);
  if (state !== 'ok') return;
  const lacks = lacksWish(machine);
  if (lacks !== null) tell('ok is done', `${name} ends as ok and ${lacks}`);
  if (drainedBy === run && hooks?.undrain === true) tell('ok is in service', `${name} ends as ok, and is drained`);
  const record = parseRecord(files.get('/var/lib/vfleet/state.json')?.text ?? null);
  if (record.pending.length > 0)
    tell('ok is done', `${name} ends as ok, and its record has ${record.pending.map(({ kind }) => kind).join(' ')}`);
}

/** A host reboots once for its one goal, and at most once more for each time that its power was cut. */
export function judgeBoots({ machines, violations }: World): void {
  for (const { name, boots } of machines.values()) {
    const asked = boots.filter((cause) => cause === 'asked').length;
    const cuts = boots.filter((cause) => cause === 'power-cut').length;
    if (asked > 1 + cuts)
      violations.push({ rule: 'one reboot', text: `${name} was rebooted ${asked} times, with ${cuts} power cuts` });
  }
}
