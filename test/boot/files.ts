import type { FileState, State } from '../../src/resources/resource.ts';

/** A state as the read script would find it: files by path, probes that said nothing. */
export function stateOf(
  files: Readonly<Record<string, string | Buffer | FileState>>,
  probes: Readonly<Record<string, { readonly code: number; readonly stdout: string }>> = {},
): State {
  return {
    file: (path) => {
      const found = files[path];
      if (found === undefined) return { kind: 'absent' };
      if (typeof found === 'string' || Buffer.isBuffer(found)) {
        return { kind: 'file', bytes: Buffer.from(found), mode: '0644', owner: 'root:root' };
      }
      return found;
    },
    matches: (glob) => {
      const pattern = new RegExp(`^${glob.replace(/[.]/g, '\\.').replace('*', '[^/]*')}$`);
      return Object.keys(files)
        .filter((path) => pattern.test(path))
        .sort();
    },
    probe: (key) => probes[key] ?? { code: 0, stdout: '' },
  };
}
