import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { knownName, namesHost } from '../../../src/transport/ssh/host-pattern.ts';
import { judge, knownTypes, parseKnownHosts, printKnownHost } from '../../../src/transport/ssh/known-hosts.ts';
import { createIndex, type HostEntries, lookUp } from '../../../src/transport/ssh/known-hosts-index.ts';
import { makeKey } from './ssh-server.ts';

const ed = makeKey('ed25519');
const other = makeKey('ed25519');
const ec = makeKey('ecdsa');
const line = (key: { readonly public: string }): string => key.public.split(' ').slice(0, 2).join(' ');

function known(text: string, address: string, port = 22): HostEntries {
  return lookUp([createIndex(parseKnownHosts(text, 'known_hosts').entries)], address, port);
}

function hashed(name: string): string {
  const salt = randomBytes(20);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}

describe('judge', () => {
  it.each<[string, string, string, number]>([
    ['a plain name', `node01 ${line(ed)}`, 'node01', 22],
    ['a name in another case', `Node01 ${line(ed)}`, 'nODE01', 22],
    ['one of a comma list', `a,node01,10.0.0.1 ${line(ed)}`, '10.0.0.1', 22],
    ['a pattern', `*.rack?.example ${line(ed)}`, 'n1.rack7.example', 22],
    ['a port', `[node01]:2222 ${line(ed)}`, 'node01', 2222],
    ['an IPv6 address with a port', `[fe80::1]:2222 ${line(ed)}`, 'fe80::1', 2222],
    ['the name alone, on another port', `node01 ${line(ed)}`, 'node01', 2222],
    ['a hashed name', `${hashed('node01')} ${line(ed)}`, 'node01', 22],
    ['a hashed name with a port', `${hashed('[node01]:2222')} ${line(ed)}`, 'Node01', 2222],
    ['a comment and tabs around', `# c\n\t node01\t${line(ed).replace(' ', '\t ')}  a comment`, 'node01', 22],
    ['Windows line ends', `node01 ${line(ed)}\r\n`, 'node01', 22],
    ['a second line', `node01 ${line(ec)}\nnode01 ${line(ed)}`, 'node01', 22],
    ['a second key of the same type', `node01 ${line(other)}\nnode01 ${line(ed)}`, 'node01', 22],
  ])('knows a key by %s', (_name, text, address, port) => {
    expect(judge(known(text, address, port), ed.wire)).toEqual({ kind: 'known' });
  });

  it.each<[string, string, string, number]>([
    ['another host', `node02 ${line(ed)}`, 'node01', 22],
    ['another port', `[node01]:2222 ${line(ed)}`, 'node01', 22],
    ['a negated pattern', `*.example,!node01.example ${line(ed)}`, 'node01.example', 22],
    ['a negated name only', `!node01 ${line(ed)}`, 'node02', 22],
    ['another hashed name', `${hashed('node02')} ${line(ed)}`, 'node01', 22],
    ['a hash of another kind', `${hashed('node01').replace('|1|', '|2|')} ${line(ed)}`, 'node01', 22],
    ['a certificate authority', `@cert-authority node01 ${line(ed)}`, 'node01', 22],
    ['an empty file', '', 'node01', 22],
  ])('does not know it by %s', (_name, text, address, port) => {
    expect(judge(known(text, address, port), ed.wire)).toEqual({ kind: 'unknown', others: [] });
  });

  it('tells a changed key, and where the old one stands', () => {
    const verdict = judge(known(`# first\nnode01 ${line(other)}`, 'node01'), ed.wire);
    expect(verdict).toMatchObject({ kind: 'changed', entry: { position: 'known_hosts:2' } });
  });

  it('does not call a key of another type changed', () => {
    const entries = known(`node01 ${line(ec)}`, 'node01');
    expect(judge(entries, ed.wire)).toMatchObject({ kind: 'unknown', others: [{ type: 'ecdsa-sha2-nistp256' }] });
    expect(knownTypes(entries)).toEqual(['ecdsa-sha2-nistp256']);
  });

  it('does not call a key changed because of the same name on port 22', () => {
    expect(judge(known(`node01 ${line(other)}`, 'node01', 2222), ed.wire).kind).toBe('unknown');
  });

  it('refuses a revoked key, even one that is known as well', () => {
    const verdict = judge(known(`node01 ${line(ed)}\n@revoked * ${line(ed)}`, 'node01'), ed.wire);
    expect(verdict).toMatchObject({ kind: 'revoked', entry: { position: 'known_hosts:2' } });
    expect(judge(known(`@revoked * ${line(other)}\nnode01 ${line(ed)}`, 'node01'), ed.wire).kind).toBe('known');
  });
});

describe('parseKnownHosts', () => {
  it('skips lines that are no entries, and says which', () => {
    const text = `node01\n@unknown node01 ${line(ed)}\nnode01 ssh-rsa ${ed.wire.toString('base64')}\nnode01 ssh-rsa !!\nnode01 ${line(ed)}`;
    const { entries, problems } = parseKnownHosts(text, 'known_hosts');
    expect(entries).toHaveLength(1);
    expect(problems).toEqual([
      'known_hosts:1: not a host, a key type and a key',
      'known_hosts:2: unknown marker @unknown',
      'known_hosts:3: the key is not of type ssh-rsa',
      'known_hosts:4: the key is not of type ssh-rsa',
    ]);
  });

  it('takes any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, address) => {
        expect(judge(known(text, address), ed.wire).kind).toBe('unknown');
      }),
    );
  });
});

const address = fc.string({ unit: fc.constantFrom(...'abcXYZ019.-:'), minLength: 1, maxLength: 20 });
const port = fc.oneof(fc.constant(22), fc.integer({ min: 1, max: 65535 }));

describe('printKnownHost', () => {
  it('makes a key known for that address and port, in any case, and for no other', () => {
    fc.assert(
      fc.property(address, port, address, port, (host, number, otherHost, otherNumber) => {
        const text = printKnownHost(host, number, ed.wire);
        expect(judge(known(text, host.toUpperCase(), number), ed.wire).kind).toBe('known');
        const sameName = knownName(host, number) === knownName(otherHost, otherNumber);
        const portless = number === 22 && host.toLowerCase() === otherHost.toLowerCase();
        fc.pre(!sameName && !portless);
        expect(judge(known(text, otherHost, otherNumber), ed.wire).kind).toBe('unknown');
      }),
    );
  });
});

describe('namesHost', () => {
  const name = fc.string({ unit: fc.constantFrom(...'ab.'), maxLength: 12 });
  const pattern = fc.string({ unit: fc.constantFrom(...'ab.*?'), maxLength: 8 });

  it('agrees with a regular expression', () => {
    fc.assert(
      fc.property(pattern, name, (wanted, host) => {
        const expression = wanted.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.');
        expect(namesHost(wanted, host)).toBe(new RegExp(`^${expression}$`).test(host));
      }),
      { numRuns: 1000 },
    );
  });

  it('is fast for any pattern', () => {
    const begin = performance.now();
    expect(namesHost(`${'*a'.repeat(200)}b`, 'a'.repeat(5000))).toBe(false);
    expect(performance.now() - begin).toBeLessThan(2000);
  });
});

describe('createIndex', () => {
  it('finds what a scan of all entries finds', () => {
    const field = fc.oneof(
      address,
      fc.constant('*'),
      fc.constant('a*,!ab'),
      address.map((text) => hashed(text.toLowerCase())),
    );
    fc.assert(
      fc.property(fc.array(field), address, (fields, host) => {
        const { entries } = parseKnownHosts(fields.map((text) => `${text} ${line(ed)}`).join('\n'), 'f');
        const scanned = entries.filter((entry) => namesHost(entry.names, host.toLowerCase()));
        expect(new Set(createIndex(entries).of(host.toLowerCase()))).toEqual(new Set(scanned));
      }),
    );
  });
});
