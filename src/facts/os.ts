import { kernelVersion } from '../boot/release.ts';
import { VfleetError } from '../errors.ts';
import { sh } from '../shell/script.ts';
import type { Facts } from './facts.ts';
import { fileLinesOf, linesOf, type Sections } from './sections.ts';
import { unquote } from './settings.ts';

/** One process reads the name, the release and the machine; see `uname(1)`. */
export const osProbe = sh`
section identity
uname -n -r -m
echo "uid $(id -u)"
grep -aHs '' /etc/machine-id /proc/sys/kernel/random/boot_id
section os
cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release 2>/dev/null
`;

/** Who the host is: its names, and what `uname` says. */
export function parseIdentity(sections: Sections): {
  readonly identity: Facts['identity'];
  readonly architecture: string;
  readonly release: string;
} {
  const lines = linesOf(sections, 'identity');
  const files = new Map(fileLinesOf(sections, 'identity').map(({ path, text }) => [path, text.trim()]));
  const [hostname, release, architecture] = (lines[0] ?? '').split(' ');
  if (!hostname || !architecture || !release || kernelVersion(release) === null) throw noUname(lines[0] ?? '');
  return {
    identity: {
      hostname,
      machineId: hexOf(files.get('/etc/machine-id')),
      bootId: hexOf(files.get('/proc/sys/kernel/random/boot_id')),
      root: lines.includes('uid 0'),
    },
    architecture,
    release,
  };
}

function noUname(found: string): VfleetError {
  return new VfleetError({
    code: 'facts.incomplete',
    thing: 'section identity of the probe',
    expected: 'host name, kernel release and machine, as `uname -n -r -m` prints them',
    found: JSON.stringify(found.slice(0, 120)),
    next: 'check that the host runs Linux and has `uname`',
  });
}

/** `os-release(5)`: assignments in shell syntax. */
export function parseOs(sections: Sections): Facts['os'] {
  const values = new Map<string, string>();
  for (const line of linesOf(sections, 'os')) {
    const found = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line);
    if (found?.[1] !== undefined && found[2] !== undefined) values.set(found[1], unquote(found[2].trim()));
  }
  const id = values.get('ID') ?? 'linux';
  return {
    id,
    idLike: (values.get('ID_LIKE') ?? '').split(/\s+/).filter(Boolean),
    versionId: values.get('VERSION_ID') ?? null,
    prettyName: values.get('PRETTY_NAME') ?? values.get('NAME') ?? id,
  };
}

/** `uninitialized` stands in `/etc/machine-id` of an image before its first boot (machine-id(5)). */
function hexOf(text: string | undefined): string | null {
  return text !== undefined && /^[0-9a-f-]{32,36}$/i.test(text) ? text : null;
}
