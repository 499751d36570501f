import { describe, expect, it } from 'vitest';
import { parseJump } from '../../src/inventory/jump.ts';

describe('parseJump', () => {
  it.each([
    ['gate', { user: null, address: 'gate', port: null }],
    ['gate.example.com:2222', { user: null, address: 'gate.example.com', port: 2222 }],
    ['admin@gate', { user: 'admin', address: 'gate', port: null }],
    ['admin@example.com@gate:22', { user: 'admin@example.com', address: 'gate', port: 22 }],
    ['2001:db8::1', { user: null, address: '2001:db8::1', port: null }],
    ['admin@[2001:db8::1]:22', { user: 'admin', address: '2001:db8::1', port: 22 }],
    ['[2001:db8::1]', { user: null, address: '2001:db8::1', port: null }],
  ])('%s', (text, expected) => {
    expect(parseJump(text)).toEqual(expected);
  });

  it.each([
    '',
    '@gate',
    'a,b',
    'gate:0',
    'gate:99999',
    'gate:ssh',
    '-gate',
    'a b',
    '[gate]:22',
    'gate/x',
    '-o@gate',
    '`id`',
  ])('refuses %j', (text) => {
    expect(parseJump(text)).toBeNull();
  });
});
