import { parseRecord } from '../../src/host/record.ts';
import type { HostEnd } from '../../src/host/run.ts';
import { bootedArguments } from './grub.ts';
import type { Machine } from './machine.ts';
import type { World } from './play.ts';
import { wishedArguments } from './wish.ts';

type Tell = (rule: string, text: string) => void;

/** Whether a host is as its run says, at the moment when the run has ended. */
export function judgeEnd(machine: Machine, { state, failure }: HostEnd, changed: boolean, tell: Tell): void {
  const { name, files } = machine;
  if (failure?.code === 'bug') tell('no bugs', `${name}: ${failure.message}`);
  if (state === 'skipped' && changed) tell('skipped is untouched', `${name} is skipped, and was changed`);
  if (failure?.code === 'gate.closed' && changed)
    tell('refused is untouched', `${name} is refused by a gate, and was changed`);
  if (state !== 'ok') return;
  const lacks = (line: string): boolean => wishedArguments.some((token) => !line.split(' ').includes(token));
  if (lacks(machine.arguments)) tell('ok is done', `${name} ends as ok and runs ${machine.arguments}`);
  const next = bootedArguments(files.get('/boot/grub/grub.cfg')?.text ?? '');
  if (lacks(next)) tell('ok is done', `${name} ends as ok and will boot ${next}`);
  if (machine.initramfs !== machine.moduleOptions)
    tell('ok is done', `${name} ends as ok with an initramfs from before`);
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
