import { readFileSync } from 'node:fs';
import { parseSections } from '../facts/fixtures.ts';
import type { Answer } from './answer.ts';
import type { Machine } from './machine.ts';

const fixture = parseSections(
  readFileSync(new URL('../facts/fixtures/debian-12-intel/probe.txt', import.meta.url), 'utf8'),
);

/** Left out of the fixture, as nothing in a rollout depends on them and each probe is read by the program: devices, the log. */
const emptied: ReadonlySet<string> = new Set(['pci', 'pci-drivers', 'log', 'boot-environment', 'memory']);

/** Answers the probe: what a real host of the fixture printed, with what this host has on its disk and runs now. */
export function answerFacts(machine: Machine, answer: Answer): void {
  for (const [key, bytes] of fixture) {
    answer.section(key);
    answer.print(own(machine, key) ?? (emptied.has(key) ? '' : bytes.toString('utf8')));
  }
}

/** The part of the probe that a request to reboot has too. */
export function answerBoot(machine: Machine, answer: Answer): void {
  for (const [key, bytes] of fixture) {
    if (!key.startsWith('boot-')) continue;
    answer.section(key);
    answer.print(own(machine, key) ?? (emptied.has(key) ? '' : bytes.toString('utf8')));
  }
}

function own(machine: Machine, key: string): string | null {
  switch (key) {
    case 'identity':
      return `${machine.name} 6.1.0-44-amd64 x86_64\nuid 0\n/etc/machine-id:${machineId(machine.name)}\n/proc/sys/kernel/random/boot_id:${machine.bootId}\n`;
    case 'boot-running':
      return `${machine.arguments}\n`;
    case 'boot-settings':
      return lines(machine, (path) => /^\/etc\/default\/grub(?:\.d\/[^/]*\.cfg)?$/.test(path));
    case 'boot-files':
      return [...machine.files.keys(), '/boot/grub/grubenv', '/etc/kernel/postinst.d/initramfs-tools']
        .filter((path) => /^\/(?:etc\/default\/grub|boot\/grub\/grub|etc\/kernel)/.test(path))
        .map((path) => `file ${path}\n`)
        .join('');
    case 'boot-configs':
      return lines(machine, (path) => path === '/boot/grub/grub.cfg');
    case 'modules-loaded':
      return [...machine.modules].map((module) => `${module}\n`).join('');
    case 'modules-sys':
      return [...machine.modules].map((module) => `loaded ${module}\n`).join('');
    case 'iommu':
      return iommu(machine);
    default:
      return null;
  }
}

function iommu(machine: Machine): string {
  const off = machine.fault('no-iommu');
  if (off === undefined) return 'tables\ntable DMAR\nunit dmar0\ngroup 0/devices/0000:00:00.0\ninterrupts remapped\n';
  machine.notice(off);
  return 'tables\n';
}

function lines(machine: Machine, wanted: (path: string) => boolean): string {
  return [...machine.files]
    .filter(([path]) => wanted(path))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([path, { text }]) =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => `${path}:${line}\n`),
    )
    .join('');
}

function machineId(name: string): string {
  return Buffer.from(name).toString('hex').padEnd(32, '0').slice(0, 32);
}
