import { describe, expect, it } from 'vitest';
import { nearMisses } from '../../src/inventory/near-misses.ts';
import { load, loadText } from './support.ts';

describe('nearMisses', () => {
  it('names a variable one typing error away from a declared one, with its position', async () => {
    const inventory = await load({
      'a.yaml': 'all: { hosts: { node01: } }',
      'group_vars/all.yaml': '# defaults\n\nallowUnsafeInterupts: false\n',
    });
    const [text, ...more] = nearMisses(inventory.hosts, ['allowUnsafeInterrupts']);
    expect(text?.replace(`${inventory.source}/`, 'inventory/')).toBe(
      'node01: allowUnsafeInterupts (inventory/group_vars/all.yaml:3:1) is not a variable of the playbook; did you mean allowUnsafeInterrupts?',
    );
    expect(more).toEqual([]);
  });

  it('says it once for all hosts that have it from one place', async () => {
    const { hosts } = await loadText(
      'all:\n  vars: { hugepags: 1 }\n  hosts: { "node[01:40]": , gpu: , a: , b: , c: }\n',
    );
    const found = nearMisses(hosts, ['hugepages']);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^node\[01-40\], gpu and 3 more: hugepags/);
  });

  it.each([
    ['hugepagse', true],
    ['hugepage', true],
    ['hugepagess', true],
    ['hubepages', true],
    ['huge_pages', true],
    ['HugePages', true],
    ['hugepages', false],
    ['hugepag', false],
    ['other', false],
  ])('%s: %s', async (name, expected) => {
    const { hosts } = await loadText(`all: { hosts: { n: { ${name}: 1 } } }`);
    expect(nearMisses(hosts, ['hugepages'])).toHaveLength(expected ? 1 : 0);
  });

  it('is silent where the declared variable is set too, and for short names', async () => {
    const { hosts } = await loadText('all: { hosts: { n: { hugepages: 1, hugepage: 2, mty: 3 } } }');
    expect(nearMisses(hosts, ['hugepages', 'mtu'])).toEqual([]);
  });
});
