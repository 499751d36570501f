import { serialOptions } from '../devices/qemu-serial.ts';
import { obstacleText } from '../devices/require-free.ts';
import {
  aliasPath,
  comingObstacles,
  isComing,
  refuseTwins,
  type SerialSelector,
  selectSerial,
  serialObstaclesOf,
} from '../devices/serial.ts';
import type { Facts } from '../facts/facts.ts';
import type { Check } from './check.ts';
import { refused } from './refused.ts';
import { check, type Judgement } from './verdict.ts';

const none = 'No serial ports are named for this host.';

/**
 * Whether serial ports are there, each under one alias, with a UART, and the host does not speak by them: no console, no getty. `nrUarts`: how many
 * names the kernel is to have; ports that come with these are judged by their names alone.
 *
 * @example
 * gate: (host) => [checks.serialFree(host.vars.ports)]
 */
export function serialFree(
  ports: readonly SerialSelector[],
  { nrUarts = null }: { readonly nrUarts?: number | null } = {},
): Check {
  return check({ id: 'serial-free', title: 'Can the host do without the serial ports?' }, ({ facts, host }) => {
    if (ports.length === 0) return { outcome: 'not-applicable', found: none };
    return refused(() => {
      refuseTwins(ports, host);
      const coming = ports.filter((port) => isComing(facts, port, nrUarts ?? 0));
      const there = ports.filter((port) => !coming.includes(port));
      const obstacles = [
        ...comingObstacles(facts, coming),
        ...there.flatMap((port) => serialObstaclesOf(facts, port, host)),
      ];
      const evidence = [
        ...there.map((port) => lineOf(facts, port, host)),
        ...coming.map(({ port }) => `${port}: the kernel has no name yet; it is looked at when it has`),
      ];
      const names = ports.map(({ port }) => port).join(', ');
      if (obstacles.length === 0) return { outcome: 'pass', found: `The host can do without ${names}.`, evidence };
      const remedy = [...new Set(obstacles.map((one) => one.remedy))].join('; ');
      return { outcome: 'fail', found: `${obstacles.map(obstacleText).join('; ')}.`, evidence, remedy };
    });
  });
}

/**
 * Whether serial ports have their names, and with what options QEMU gives them to a guest: those for its versions on the host, as
 * the fact `qemuVersions` tells them; else for old and new ones.
 */
export function serialNamed(ports: readonly SerialSelector[], versions: readonly string[] = []): Check {
  return check({ id: 'serial-named', title: 'Do the serial ports have their names?' }, ({ facts, host }) => {
    if (ports.length === 0) return { outcome: 'not-applicable', found: none };
    return refused(() => judgeNames(facts, ports, versions, host));
  });
}

function judgeNames(
  facts: Facts,
  ports: readonly SerialSelector[],
  versions: readonly string[],
  host: string,
): Judgement {
  const missing = ports.filter((port) => !selectSerial(facts, port, host).links.includes(aliasPath(port)));
  const evidence = ports.flatMap((port) => [
    lineOf(facts, port, host),
    ...serialOptions(aliasPath(port), port.alias, versions).map(({ qemu, options }) => `${qemu}: ${options}`),
    `a guest with Windows needs a driver for pci-serial, and none for: -device isa-serial,chardev=${port.alias}`,
  ]);
  if (missing.length === 0) {
    const names = ports.map((port) => `${port.port} is ${aliasPath(port)}`).join(', ');
    return { outcome: 'pass', found: `${names}; the options for QEMU are below.`, evidence };
  }
  const found = `No ${missing.map(aliasPath).join(', ')}.`;
  const remedy = 'apply the playbook; udevadm test /sys/class/tty/NAME shows what udev makes of the rule';
  return { outcome: 'fail', found, evidence, remedy };
}

function lineOf(facts: Facts, port: SerialSelector, host: string): string {
  const { name, uart, links } = selectSerial(facts, port, host);
  return `${port.port}: ${name}${uart === null ? '' : `, UART ${uart}`}${links.length === 0 ? '' : `, ${links.join(', ')}`}`;
}
