import { expect, it } from 'vitest';
import { rolloutExpected, rolloutKeys } from '../../src/rollout/wish.ts';
import { complaints, complaintsOf, load, loadText } from './support.ts';

const all = (rollout: string): string => `all:\n  rollout: ${rollout}\n  hosts: { n1: }\n`;

it('is read from all, with lists as lists and times in milliseconds', async () => {
  const { rollout } = await loadText(
    all('{ canary: n1, batches: [1, 5, 10%], perRack: 25%, soak: 5m, pause: 1.5s, windows: "Sat 22:00-04:00" }'),
  );
  expect(rollout).toEqual({
    canary: ['n1'],
    batches: [1, 5, '10%'],
    perRack: '25%',
    soak: 300_000,
    pause: 1500,
    windows: ['Sat 22:00-04:00'],
  });
});

it('is empty where an inventory says nothing of it', async () => {
  expect((await loadText('all:\n  rollout:\n  hosts: { n1: }\n')).rollout).toEqual({});
  expect((await loadText('all: { hosts: { n1: } }\n')).rollout).toEqual({});
});

it('may be said in several files of an inventory, but no key of it twice', async () => {
  const files = { 'a.yaml': all('{ perRack: 2 }'), 'b.yaml': all('{ pause: 30s }') };
  expect((await load(files)).rollout).toEqual({ perRack: 2, pause: 30_000 });
  expect(await complaints({ ...files, 'c.yaml': all('{ perRack: 3 }') })).toEqual([
    'c.yaml:2:14 all.rollout.perRack: said twice, the first is at a.yaml:2:14',
  ]);
});

it.each([
  ['{ perRak: 2 }', /^racks\.yaml:2:14 all\.rollout\.perRak: unknown key, did you mean "perRack"\?$/],
  ['{ limit: 2 }', /^racks\.yaml:2:14 all\.rollout\.limit: unknown key; known are canary, batches,/],
  ['{ perRack: 0 }', /^racks\.yaml:2:23 all\.rollout\.perRack: expected a whole number from 1.*, found 0$/],
  ['{ parallel: 0% }', /:2:24 all\.rollout\.parallel: expected .*, found "0%"$/],
  ['{ maxFailures: 101% }', /:2:27 all\.rollout\.maxFailures: expected a whole number from 0, .*, found "101%"$/],
  ['{ batches: [] }', /:2:23 all\.rollout\.batches: expected .*, or a list of them, found a list$/],
  ['{ soak: 5 }', /:2:20 all\.rollout\.soak: expected a time as 30s, 5m or 2h, of 24 days at most, found 5$/],
  ['{ windows: "Sut 22:00-04:00" }', /:2:23 all\.rollout\.windows: expected days, times and a time zone/],
  ['{ canary: }', /:2:14 all\.rollout\.canary: expected patterns as -l takes them.*, found nothing$/],
  ['[perRack]', /:2:12 all\.rollout: expected a map as rollout: \{ perRack: 2 \}, found a list$/],
])('%s is named with its place', async (rollout, said) => {
  const found = await complaintsOf(all(rollout));
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(said);
});

it('has words for what each key takes', () => {
  expect(Object.keys(rolloutExpected).toSorted()).toEqual([...rolloutKeys].toSorted());
});

it.each([
  ['a group', 'all:\n  hosts: { n1: }\n  children: { r1: { rollout: { perRack: 2 }, hosts: { n1: } } }\n', '3:21'],
  ['the top of a file', 'rollout: { perRack: 2 }\nall: { hosts: { n1: } }\n', '1:1'],
  ['a host', 'all:\n  hosts: { n1: { rollout: { perRack: 2 } } }\n', '2:18'],
  ['the variables of all', 'all:\n  vars: { rollout: { perRack: 2 } }\n  hosts: { n1: }\n', '2:11'],
])('is refused in %s', async (_, text, position) => {
  const found = await complaintsOf(text);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(`racks.yaml:${position} `);
  expect(found[0]).toMatch(/under "all:"/);
});

it('is a variable of that name where it says nothing that a rollout knows', async () => {
  const { hosts } = await loadText('all:\n  hosts: { n1: { rollout: { wave: 2 } }, n2: { rollout: blue } }\n');
  expect(hosts.map(({ vars }) => vars['rollout'])).toEqual([{ wave: 2 }, 'blue']);
});
