import type { HardwareFacts } from '../../facts/hardware.ts';
import type { Obstacle } from '../obstacle.ts';
import type { Owner } from './owner.ts';

/** Serial ports that the host speaks by. */
export function consoleObstacles({ serial }: HardwareFacts, owner: Owner): readonly Obstacle[] {
  return serial.flatMap((port) => {
    const device = owner(port);
    if (device === null) return [];
    const { name } = port;
    return [
      ...(port.console
        ? [
            {
              kind: 'console',
              device,
              reason: `${name} is a console of the kernel`,
              remedy: `take console=${name} out of the kernel arguments and reboot first`,
            },
          ]
        : []),
      ...(port.getty
        ? [
            {
              kind: 'console',
              device,
              reason: `a getty runs on ${name}`,
              remedy: `end it first: systemctl mask --now serial-getty@${name}.service`,
            },
          ]
        : []),
    ];
  });
}
