import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VfleetError } from '../../src/errors.ts';
import { escapeDoubleQuoted } from '../../src/template/helpers.ts';
import { render, type TemplateData } from '../../src/template/template.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const text = (source: string, data: TemplateData = {}): string => render({ source, name: 't.hbs' }, data);

function failure(source: string, data: TemplateData = {}): VfleetError {
  try {
    render({ source, name: 't.hbs' }, data, { host: 'node01' });
  } catch (error) {
    if (error instanceof VfleetError) return error;
    throw error;
  }
  throw new Error(`nothing was refused in: ${source}`);
}

describe('what is rendered', () => {
  it('escapes nothing for HTML', () => {
    expect(text('{{a}} {{{a}}}', { a: '<"&\'>' })).toBe('<"&\'> <"&\'>');
  });

  it('prints false and 0, which are values', () => {
    expect(text('{{a}} {{b}}', { a: false, b: 0 })).toBe('false 0');
  });

  it('follows block parameters, counters and outer scopes', () => {
    const source =
      '{{#each racks as |rack at|}}{{#each rack.nodes}}{{at}}/{{@index}}/{{this}}/{{../name}}/{{@root.site}};{{/each}}{{/each}}';
    const racks = [
      { name: 'r1', nodes: ['a', 'b'] },
      { name: 'r2', nodes: ['c'] },
    ];
    expect(text(source, { racks, site: 'x' })).toBe('0/0/a/r1/x;0/1/b/r1/x;1/0/c/r2/x;');
  });

  it('gives each over an object its keys', () => {
    expect(text('{{#each ids}}{{@key}}={{this}}{{#unless @last}},{{/unless}}{{/each}}', { ids: { a: 1, b: 2 } })).toBe(
      'a=1,b=2',
    );
  });

  it('takes an optional part that is said to be null', () => {
    const source = '{{#if gpu}}{{gpu.model}}{{else}}none{{/if}}';
    expect(text(source, { gpu: null })).toBe('none');
    expect(text(source, { gpu: { model: 'A10' } })).toBe('A10');
  });

  it('takes #with, also of nothing', () => {
    const source = '{{#with disk as |d|}}{{d.name}}{{size}}{{else}}-{{/with}}';
    expect(text(source, { disk: { name: 'sda', size: 3 } })).toBe('sda3');
    expect(text(source, { disk: null })).toBe('-');
  });
});

describe('names that the data lacks', () => {
  const cases: readonly (readonly [why: string, source: string, data: TemplateData, position: string, name: string])[] =
    [
      ['plain', 'a\n  {{missing}}', {}, '2:5', 'missing'],
      ['an #if condition', '{{#if missing}}x{{/if}}', {}, '1:7', 'missing'],
      ['a dotted #if condition', '{{#if a.b.c}}x{{/if}}', { a: {} }, '1:7', 'a.b'],
      ['an #unless condition', '{{#unless missing}}x{{/unless}}', {}, '1:11', 'missing'],
      ['inside a taken #if', '{{#if a}}{{missing}}{{/if}}', { a: true }, '1:12', 'missing'],
      ['inside an #if that is not taken', '{{#if a}}{{missing}}{{/if}}', { a: false }, '1:12', 'missing'],
      ['inside {{else}} that is not taken', '{{#if a}}x{{else}}{{missing}}{{/if}}', { a: true }, '1:21', 'missing'],
      ['an {{else if}} condition', '{{#if a}}x{{else if missing}}y{{/if}}', { a: true }, '1:21', 'missing'],
      ['an #each list', '{{#each missing}}x{{/each}}', {}, '1:9', 'missing'],
      ['an item of an #each', '{{#each l}}{{name}}{{/each}}', { l: [{ name: 1 }, {}] }, '1:14', 'name'],
      ['an outer name in an empty #each', '{{#each l}}{{@root.missing}}{{/each}}', { l: [] }, '1:14', 'missing'],
      ['an outer name without ../', '{{#each l}}{{site}}{{/each}}', { l: ['x'], site: 'y' }, '1:14', 'site'],
      [
        'a name one scope too far up',
        '{{#each l}}{{../../site}}{{/each}}',
        { l: ['x'], site: 'y' },
        '1:14',
        '../../site',
      ],
      ['a block parameter outside its block', '{{#each l as |i|}}{{i}}{{/each}}{{i}}', { l: ['x'] }, '1:35', 'i'],
      ['a property of a block parameter', '{{#each l as |i|}}{{i.nme}}{{/each}}', { l: [{ name: 1 }] }, '1:21', 'nme'],
      ['the argument of a helper', '{{doubleQuoted missing}}', {}, '1:16', 'missing'],
      ['the argument of a nested helper', '{{doubleQuoted (doubleQuoted missing)}}', {}, '1:30', 'missing'],
      ['a name of undefined value', '{{a}}', { a: undefined }, '1:3', 'a'],
      ['a method of every object', '{{toString}}', {}, '1:3', 'toString'],
      ['a counter outside #each', '{{@index}}', {}, '1:3', '@index'],
    ];
  it.each(cases)('%s', (_why, source, data, position, name) => {
    const error = failure(source, data);
    expect(error.code).toBe('template.missing');
    expect(error.parts.host).toBe('node01');
    expect(error.parts.thing).toMatch(new RegExp(`^t\\.hbs:${position} `));
    expect(error.parts.expected).toBe(`data that has "${name}"`);
  });

  it('says which name was probably meant', () => {
    expect(failure('{{toknes}}', { tokens: [], other: 1 }).message).toContain('did you mean "tokens"?');
    expect(failure('{{zzz}}', { tokens: [] }).message).not.toContain('did you mean');
  });
});

describe('what else is refused', () => {
  it.each([
    ['template.syntax', 'a\n\n{{#if a}', '3'],
    ['template.syntax', 'a\n{{#if a}}{{/each}}', '2:4'],
    ['template.syntax', 'a\n{{#if a}}', '2'],
    ['template.unsupported', 'a\n {{> footer}}', '2:2'],
    ['template.unsupported', '{{#> layout}}{{/layout}}', '1:1'],
    ['template.unsupported', '{{#*inline "x"}}{{/inline}}', '1:1'],
    ['template.unsupported', '{{lookup a "b"}}', '1:3'],
    ['template.unsupported', '{{log a}}', '1:3'],
    ['template.unsupported', '{{doubleQuotd a}}', '1:3'],
    ['template.unsupported', '{{#a}}x{{/a}}', '1:1'],
    ['template.unsupported', '{{^a}}x{{/a}}', '1:1'],
    ['template.unsupported', '{{#if a includeZero=true}}x{{/if}}', '1:9'],
    ['template.unsupported', '{{"a"}}', '1:3'],
    ['template.value', '{{list}}', '1:3'],
    ['template.value', '{{object}}', '1:3'],
    ['template.value', '{{nothing}}', '1:3'],
    ['template.value', '{{#each a}}x{{/each}}', '1:9'],
    ['template.value', '{{#each nothing}}x{{/each}}', '1:9'],
  ])('%s: %s', (code, source, position) => {
    const error = failure(source, { a: 1, list: ['x'], object: {}, nothing: null });
    expect(error.code).toBe(code);
    expect(error.parts.thing).toMatch(new RegExp(`^t\\.hbs:${position}( |$)`));
  });

  it('names a partial by its name', () => {
    expect(failure('{{> footer}}').message).toContain('{{> footer}}');
  });

  it('suggests a helper', () => {
    expect(failure('{{doubleQuotd a}}', { a: 1 }).message).toContain('did you mean "doubleQuoted"?');
  });
});

describe('where a template is', () => {
  it('is found by name, by path and by URL', () => {
    const path = join(temporaryFolder('template'), 'motd.hbs');
    writeFileSync(path, 'hello {{who}}\n');
    expect(render(path, { who: 'you' })).toBe('hello you\n');
    expect(render(pathToFileURL(path), { who: 'you' })).toBe('hello you\n');
    expect(render('modules-load.conf.hbs', { modules: ['vfio', 'vfio_pci'] })).toBe('vfio\nvfio_pci\n');
  });

  it('is named when it cannot be read', () => {
    expect(() => render('/nowhere/x.hbs', {})).toThrow(/\/nowhere\/x\.hbs: expected a template file, found ENOENT/);
    expect(() => render('./x.hbs', {})).toThrow(/new URL\('\.\/x\.hbs', import\.meta\.url\)/);
  });
});

describe('the templates of the package', () => {
  it('print an owned drop-in', () => {
    expect(render('grub-drop-in.cfg.hbs', { words: ['iommu=pt', 'dyndbg="file x +p"'] })).toMatch(
      /^#[^\n]*\nGRUB_CMDLINE_LINUX="\$GRUB_CMDLINE_LINUX iommu=pt dyndbg=\\"file x \+p\\""\n$/,
    );
  });

  it('print the arguments of a line', () => {
    expect(render('grub-cmdline.hbs', { words: ['a=b', 'c'] })).toBe('a=b c');
  });
});

it('quotes any text so that a shell reads it back', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('$', '`', '"', '\\', "'", 'a', ' ', '\n', '!', '*', '(', 'é') }),
      (value) => {
        const script = `printf '%s.' "${escapeDoubleQuoted(value)}"`;
        expect(execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' })).toBe(`${value}.`);
      },
    ),
    { numRuns: 60 },
  );
});

it('renders whatever passes the check, or refuses it with a code of its own', () => {
  const name = fc.constantFrom('a', 'b', 'c.d', 'this', '../a', '@index', 'l');
  const { node } = fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      name.map((n) => `{{${n}}}`),
      fc
        .tuple(fc.constantFrom('if', 'unless', 'each', 'with'), name, tie('node'), tie('node'))
        .map(([kind, n, yes, no]) => `{{#${kind} ${n}}}${yes}{{else}}${no}{{/${kind}}}`),
    ),
  }));
  const value = fc.constantFrom<unknown>(
    'x',
    0,
    '',
    false,
    null,
    [],
    ['p', 'q'],
    [{ a: 1 }],
    { d: 'e' },
    { a: 'f', l: ['g'] },
  );
  fc.assert(
    fc.property(node, fc.record({ a: value, b: value, c: value, l: value }, { requiredKeys: [] }), (source, data) => {
      try {
        expect(typeof text(source, data)).toBe('string');
      } catch (error) {
        expect(error).toBeInstanceOf(VfleetError);
      }
    }),
    { numRuns: 2000 },
  );
});
