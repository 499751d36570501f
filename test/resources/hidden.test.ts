import { expect, it } from 'vitest';
import { diffOf } from '../../src/resources/diff.ts';
import { shownText } from '../../src/resources/hidden.ts';
import { fileOf } from '../host/model.ts';

const path = '/etc/yunion/host.conf';

it.each([
  ['a password', 'admin_password: geheim\n', 'admin_password: ***\n'],
  ['a key in quotes', '"admin_password" : \'geheim\' # of 2024\n', '"admin_password" : ***\n'],
  ['what is commented out', '# admin_password: geheim\n', '# admin_password: ***\n'],
  ['a token', 'auth:\n  api_token: geheim\n  region: a\n', 'auth:\n  api_token: ***\n  region: a\n'],
  [
    'lines below its key',
    'ssh_private_key: |\n  geheim\n\n  too\nb: 1\n',
    'ssh_private_key: ***\n  ***\n\n  ***\nb: 1\n',
  ],
  ['a list below its key', 'secrets:\n- geheim\n- too\nb: 1\n', 'secrets: ***\n***\n***\nb: 1\n'],
  ['a password in an address', 'db: mysql://root:geheim@10.0.0.1/x\n', 'db: mysql://root:***@10.0.0.1/x\n'],
  ['nothing else', 'hostname: a # token: b\nurl: https://a:80/x\n', 'hostname: a # token: b\nurl: https://a:80/x\n'],
])('%s is not shown', (_what, text, shown) => {
  expect(shownText(path, text)).toBe(shown);
  expect(shownText('/etc/motd', text)).toBe(text);
});

it('a diff says that something hidden changes', () => {
  const after = { bytes: Buffer.from('admin_password: b\n'), mode: '0644', owner: 'root:root' };
  expect(diffOf(path, fileOf('admin_password: a\n'), after)).toBe(`${path}: only what is hidden here changes\n`);
});
