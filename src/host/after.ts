import { createHash } from 'node:crypto';
import { absentFingerprint, octalMode } from '../resources/fingerprint.ts';
import type { Seen } from '../resources/read-batch.ts';
import type { Action } from '../resources/resource.ts';

/** What each path of a change holds once the change is made: mode, owner and SHA-256, or `absent`. */
export function afterOf(actions: readonly Action[]): Readonly<Record<string, string>> {
  const after: Record<string, string> = {};
  for (const action of actions) {
    if (action.kind === 'remove') after[action.path] = absentFingerprint;
    if (action.kind === 'restore') after[action.path] = `${action.mode} ${action.owner} ${action.sha256}`;
    if (action.kind !== 'write') continue;
    const digest = createHash('sha256')
      .update(Buffer.from(action.text, action.encoding ?? 'utf8'))
      .digest('hex');
    after[action.path] = `${action.mode} ${action.owner} ${digest}`;
  }
  return after;
}

/**
 * What a read script saw at a path, in the same form; of a link, which nothing here makes, its fingerprint; `null` where it
 * did not look, or found what is neither.
 */
export function seenAt({ files }: Seen, path: string): string | null {
  const print = files.get(path);
  if (print === undefined || print === absentFingerprint) return print ?? null;
  const [kind, mode = '', owner, group, digest] = print.split(' ');
  if (kind === 'link') return print;
  return kind === 'file' ? `${octalMode(mode)} ${owner}:${group} ${digest}` : null;
}
