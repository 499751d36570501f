import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CommandOptions, command } from '../../src/resources/command.ts';
import type { Change } from '../../src/resources/resource.ts';
import { sh } from '../../src/shell/script.ts';
import { factsOf } from '../boot/facts.ts';
import { folder, read } from './shells.ts';

const facts = factsOf({});
const script = sh`echo ${"it's"}`;

async function change(options: CommandOptions): Promise<Change | null> {
  const resource = command('greet', script, options);
  const { states } = await read(new Map([[resource.name, resource.read(facts)]]));
  const state = states.get(resource.name);
  if (state === undefined) throw new Error('not read');
  return resource.change(state, { host: 'node01', facts, ownedArguments: {} });
}

describe('a command runs', () => {
  const effects = [{ kind: 'initramfs', reason: 'x' }] as const;
  it('when its guards say so, with its effects', async () => {
    expect(await change({ unless: sh`false`, creates: '/no/such/file', effects })).toEqual({
      resource: 'command greet',
      summary: 'run greet',
      diffs: [],
      actions: [{ kind: 'run', label: 'greet', script }],
      effects,
      notes: [],
    });
  });

  it('not when one of them says that it need not', async () => {
    const root = folder();
    mkdirSync(join(root, 'made'));
    symlinkSync('nowhere', join(root, 'link'));
    expect(await change({ unless: sh`true` })).toBeNull();
    expect(await change({ creates: join(root, 'made') })).toBeNull();
    expect(await change({ creates: join(root, 'link') })).toBeNull();
    expect(await change({ unless: sh`false`, creates: join(root, 'made') })).toBeNull();
  });

  it('always, when it is said so', async () => {
    expect(await change({ always: true })).not.toBeNull();
    expect(await change({ always: true, unless: sh`true` })).not.toBeNull();
  });

  it('not when a guard could not be run', async () => {
    await expect(change({ unless: sh`no-such-tool --check` })).rejects.toThrow(
      /node01: unless of command greet: .*found exit code 127/,
    );
  });
});

it.each([
  ['no guard', 'x', {}],
  ['no name', ' ', { always: true }],
  ['a name of two lines', 'a\nb', { always: true }],
  ['a relative path', 'x', { creates: 'x' }],
])('refuses %s', (_why, name, options) => {
  expect(() => command(name, script, options)).toThrow(expect.objectContaining({ code: 'command.invalid' }));
});
