import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadMachineKind } from '../../../src/lab/machine-kind.ts';
import { canRun } from '../../ssh/requirements.ts';
import { readingScript } from '../capture/reading.ts';
import { writeKind } from '../capture/write-kind.ts';
import { needed } from '../nodes.ts';
import { comparableFacts, comparableHost } from '../parity/comparable.ts';
import { type Recorded, record, type Step } from '../parity/record.ts';
import { simulatedSubject, virtualSubject } from '../parity/subjects.ts';
import { kindsAtHand, openVmLab, type VmLab } from '../vm-lab.ts';

const kinds = { intel: 'debian-12-intel-bios', amd: 'debian-13-amd-uefi' } as const;
const atHand = await kindsAtHand(Object.values(kinds));

/** Milliseconds: the whole job on one machine took six minutes on two cores that others used too, without KVM. */
const limit = 40 * 60_000;

/**
 * The simulated lab is right where it cannot be told from a virtual machine. Each virtual machine is captured as a kind,
 * a simulated node of that kind is started, and the same is done to both.
 */
describe.runIf(canRun('virtual nodes', needed))('the simulated lab and virtual machines', () => {
  let lab: VmLab;
  let folder: string;
  beforeAll(async () => {
    lab = await openVmLab(kinds);
    folder = await mkdtemp(path.join(tmpdir(), 'vfleet-parity-kinds-'));
  }, limit);
  afterAll(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    await lab?.stop();
  });

  describe.each(Object.values(kinds).map((kind) => ({ kind })))('$kind', ({ kind }) => {
    if (!atHand.has(kind)) {
      it.skip('has no node in VFLEET_VM_LAB', () => {});
      return;
    }
    let real: Recorded;
    let simulated: Recorded;
    beforeAll(async () => {
      const { name, rack } = await lab.node(kind);
      const machine = await virtualSubject(lab.folder, name);
      const captured = path.join(folder, kind);
      await writeKind(captured, await machine.on(await readingScript()), kind);
      const double = await simulatedSubject(await loadMachineKind(captured), name, rack);
      try {
        simulated = await record(double);
        real = await record(machine);
      } finally {
        await double.stop();
        await machine.stop();
      }
    }, limit);

    it('have the same facts before and after', () => {
      expect(comparableFacts(simulated.facts)).toEqual(comparableFacts(real.facts));
      expect(comparableFacts(simulated.factsAfter)).toEqual(comparableFacts(real.factsAfter));
    });

    const steps = ['plan', 'apply', 'verify', 'again'] as const;
    it.each(steps)('are told the same by %s: gates, changes, diffs, effects, verdicts with their evidence', (step) => {
      const told = ({ code, host }: Step) => ({ code, host: comparableHost(host) });
      expect(told(simulated[step])).toEqual(told(real[step]));
    });

    it('did the job at all: changes, one reboot, verdicts, nothing twice', () => {
      expect(real.plan.host.plan?.changes).toHaveLength(2);
      expect(real.apply.host).toMatchObject({ state: 'ok', writes: 1, reboots: 1 });
      expect(real.verify.host.checks.map(({ outcome }) => outcome)).toContain('pass');
      expect(real.again.host).toMatchObject({ state: 'ok', writes: 0, reboots: 0 });
    });

    it('end with the same files, byte for byte and mode for mode', () => {
      const { files } = real.seen;
      for (const file of [
        '/boot/grub/grub.cfg',
        '/etc/default/grub.d/99-vfleet.cfg',
        '/etc/modules-load.d/vfio.conf',
      ]) {
        expect([...files.keys()]).toContain(file);
      }
      expect(simulated.seen.files).toEqual(files);
      expect(simulated.seen.links).toEqual(real.seen.links);
    });

    it('run with the same arguments, vfio modules and their parameters, groups and services', () => {
      expect(real.seen.sections.get('command-line')).toContain('iommu=pt');
      expect(simulated.seen.sections).toEqual(real.seen.sections);
    });
  });
});
