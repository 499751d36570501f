import { sh } from '../shell/script.ts';
import { fileLinesOf, type Sections } from './sections.ts';

/** A device as a binding names it, with what it tells no more once it is bound. */
export interface BoundDevice {
  readonly address: string;
  /** `vendor:device`. */
  readonly id: string;
  /** The driver that had it before; `null`: none, or nobody has noted it. */
  readonly former: string | null;
  /** Of the disk that it is, as far as it was ever read. */
  readonly serial: string | null;
}

/** A device as the rule on a host names it. */
export interface KeptDevice extends BoundDevice {
  /** Name of the binding: `nvme`. */
  readonly binding: string;
}

/** Reads what the rules of bindings say of their devices; the names are those of `rulePath` in `resources`. */
export const boundProbe = sh`
section hardware-bound
grep -Hs '^# [0-9a-f:]*[.][0-7] ' /etc/udev/rules.d/82-vfleet-*.rules
`;

/** The devices that a rule names, by its comments. */
export function parseBound(text: string): readonly BoundDevice[] {
  return text.split('\n').flatMap((line) => {
    const [, address, id, former, serial] = comment.exec(line) ?? [];
    return address === undefined || id === undefined
      ? []
      : [{ address, id, former: former ?? null, serial: serial ?? null }];
  });
}

const comment =
  /^# ([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) \[([0-9a-f]{4}:[0-9a-f]{4})\](?: driver ([\w.-]+))?(?: serial (.*))?$/;

/** What that probe printed; none where it did not look. */
export function boundIn(sections: Sections): readonly KeptDevice[] {
  if (!sections.has('hardware-bound')) return [];
  return fileLinesOf(sections, 'hardware-bound').flatMap(({ path, text }) => {
    const [, binding = ''] = /82-vfleet-(.+)\.rules$/.exec(path) ?? [];
    return parseBound(text).map((device) => ({ ...device, binding }));
  });
}
