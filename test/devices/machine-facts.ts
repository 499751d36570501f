import type { Facts } from '../../src/facts/facts.ts';
import { hardwareProbe } from '../../src/facts/hardware-probe.ts';
import { iommuProbe } from '../../src/facts/iommu.ts';
import { pciProbe } from '../../src/facts/pci.ts';
import { parseFacts } from '../../src/facts/probe.ts';
import { joinScripts, raw } from '../../src/shell/script.ts';
import { fixtureSections } from '../facts/fixtures.ts';
import { run } from '../resources/shells.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import type { Machine } from './machine.ts';
import { layMachine } from './machine-tree.ts';

/** What the probe's own script, for dash, bash and busybox, finds on a machine; of all else a host of another fixture. */
export async function machineFacts(machine: Machine, shell?: readonly string[]): Promise<Facts> {
  const root = temporaryFolder('machine');
  layMachine(root, machine);
  const { text } = joinScripts([iommuProbe, pciProbe, hardwareProbe]);
  const inside = text
    .replaceAll(/(?<![\w./*])\/(sys|proc|run|etc)\//g, `${root}/$1/`)
    .replaceAll(/(?<![\w./*])\/dev\/(bus|serial)\//g, `${root}/dev/$1/`);
  const { sections } = await run(raw(`${commands(root)}\n${inside}`), shell, { env: { SSH_CONNECTION: '' } });
  const read = [...sections].map(([key, bytes]): [string, Buffer] => [
    key,
    Buffer.from(bytes.toString('utf8').replaceAll(root, '')),
  ]);
  return parseFacts(new Map([...fixtureSections('debian-12-intel'), ...read]));
}

/** `ip`, as far as the probe asks it. */
function commands(root: string): string {
  return `ip() {
  case "$*" in
    *addr*) cat ${root}/ip/addr/* 2>/dev/null ;;
    *-4*route*) cat ${root}/ip/route 2>/dev/null ;;
  esac
}`;
}
