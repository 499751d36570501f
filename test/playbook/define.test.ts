import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  checks,
  type Facts,
  fact,
  file,
  type HostHandle,
  kernelArguments,
  type Playbook,
  playbook,
  type Subject,
  sh,
  z,
} from '../../src/index.ts';

// Types are not checked when a playbook is loaded, so this is where a typing error is seen.
describe('a mistaken definition', () => {
  it.each([
    [{ name: 'x', gte: () => [] }, /gte of playbook.*did you mean "gate"/],
    [{ name: 'x', aply() {} }, /aply of playbook.*did you mean "apply"/],
    [{ name: 'x', gate: [] }, /gate of playbook.*expected a function/],
    [{ name: 'x', vars: { a: 1 } }, /vars of playbook.*expected a schema/],
    [{ name: 'x', rollout: { perRak: 2 } }, /rollout\.perRak of playbook.*did you mean "perRack"/],
    [{ name: 'x', rollout: { batches: [1, '5'] } }, /rollout\.batches of playbook.*found \[1,"5"\]/],
    [{ name: 'x', rollout: [] }, /rollout of playbook.*expected an object.*found a list/],
    [{ apply() {} }, /name of playbook.*expected a name/],
  ])('%j is refused by name', (definition, message) => {
    expect(() => playbook(definition as never)).toThrow(message);
  });
});

it('says how its rollout goes, read as in an inventory', () => {
  const { rollout } = playbook({ name: 'x', rollout: { canary: 'rack:lab', batches: [1, '10%'], soak: '2m' } });
  expect(rollout).toEqual({ canary: ['rack:lab'], batches: [1, '10%'], soak: 120_000 });
  expect(playbook({ name: 'x' }).rollout).toEqual({});
  // @ts-expect-error a share is a text with a percent sign
  expect(() => playbook({ name: 'x', rollout: { perRack: true } })).toThrow(/rollout\.perRack/);
});

// Checked by `tsc --noEmit`, as all tests are: a type that is lost fails there.
describe('types of a playbook', () => {
  it('flow from vars and facts into every function', () => {
    const defined = playbook({
      name: 'Typed',
      vars: z.object({ size: z.number().default(1), mode: z.enum(['a', 'b']).optional(), ids: z.array(z.string()) }),
      facts: {
        uptime: fact(sh`cat /proc/uptime`, (text) => Number.parseFloat(text)),
        cards: fact(sh`lspci`, (text) => text.split('\n').map((line) => ({ line }))),
        serial: fact(sh`cat /serial`, (text): string | null => text || null),
      },
      gate(host) {
        expectTypeOf(host.vars).toEqualTypeOf<{ size: number; mode?: 'a' | 'b' | undefined; ids: string[] }>();
        expectTypeOf(host.facts.uptime).toEqualTypeOf<number>();
        expectTypeOf(host.facts.cards).toEqualTypeOf<{ line: string }[]>();
        expectTypeOf(host.facts.serial).toEqualTypeOf<string | null>();
        expectTypeOf(host.facts.iommu).toEqualTypeOf<Facts['iommu']>();
        // @ts-expect-error: a gate changes nothing.
        host.ensure;
        // @ts-expect-error: nobody declared it.
        host.vars.other;
        return [checks.iommuInFirmware()];
      },
      async apply(host) {
        expectTypeOf(host.vars.size).toEqualTypeOf<number>();
        expectTypeOf(host.facts.uptime).toEqualTypeOf<number>();
        expectTypeOf(host.name).toEqualTypeOf<string>();
        const { changed, resources } = await host.ensure(
          host.vars.size > 1 && file('/etc/motd', 'x'),
          null,
          kernelArguments({ iommu: 'pt' }),
        );
        expectTypeOf(changed).toEqualTypeOf<boolean>();
        expectTypeOf(resources).toEqualTypeOf<readonly string[]>();
        expectTypeOf(host.settle()).toEqualTypeOf<Promise<void>>();
        // @ts-expect-error: a resource, not a text.
        await host.ensure('file');
        // @ts-expect-error: facts are read, not written.
        host.facts.uptime = 3;
      },
      verify: (host) => {
        expectTypeOf(host.facts.cards[0]?.line).toEqualTypeOf<string | undefined>();
        return [];
      },
    });
    expectTypeOf(defined).toEqualTypeOf<Playbook>();
    expect(defined).toMatchObject({ vfleet: 'playbook', name: 'Typed', description: null });
    expect(Object.keys(defined.facts)).toEqual(['uptime', 'cards', 'serial']);
  });

  it('without vars and facts: there are none but the built-in ones', () => {
    playbook({
      name: 'Plain',
      apply(host) {
        expectTypeOf(host).toExtend<HostHandle<Record<never, never>, Record<never, never>>>();
        // @ts-expect-error: nobody declared it.
        host.vars.size;
        // @ts-expect-error: nobody declared it.
        host.facts.uptime;
        expectTypeOf(host.facts.os.id).toEqualTypeOf<string>();
      },
    });
  });

  it('can be named, for functions beside the playbook', () => {
    const label = (host: Subject<{ readonly size: number }, { readonly uptime: number }>): string =>
      `${host.name} ${host.vars.size} ${host.facts.uptime}`;
    playbook({
      name: 'Split',
      vars: z.object({ size: z.number() }),
      facts: { uptime: fact(sh`cat /proc/uptime`, Number.parseFloat) },
      apply: (host) => void label(host),
    });
    expect(playbook({ name: 'x', description: 'Does x.' }).description).toBe('Does x.');
  });
});
