// Captures a facts fixture from a node of a lab of virtual machines that is up. It only reads there.
//   npx jiti test/vm/capture-facts.ts LAB-FOLDER NODE test/facts/fixtures/NAME "WHAT IT IS"
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseFacts, probe } from '../../src/facts/probe.ts';
import { parseOutput, wrap } from '../../src/shell/envelope.ts';
import { virtualSubject } from './parity/subjects.ts';

const [lab, node, folder, what] = process.argv.slice(2);
if (lab === undefined || node === undefined || folder === undefined || what === undefined) {
  throw new Error('usage: npx jiti test/vm/capture-facts.ts LAB-FOLDER NODE FIXTURE-FOLDER "WHAT IT IS"');
}
const nonce = '0123456789abcdef0123456789abcdef';
const machine = await virtualSubject(lab, node);
const { sections } = parseOutput(Buffer.from(await machine.on(`${wrap(probe(), nonce)}\n`)), nonce);
await machine.stop();
const text = [...sections].map(([key, bytes]) => {
  const body = bytes.toString('utf8');
  return `#### section ${key}\n${body === '' || body.endsWith('\n') ? body : `${body}\n`}`;
});
await mkdir(folder, { recursive: true });
await writeFile(path.join(folder, 'probe.txt'), text.join(''));
await writeFile(path.join(folder, 'facts.json'), `${JSON.stringify(parseFacts(sections), null, 2)}\n`);
await writeFile(path.join(folder, 'source'), `vm\n${what}\n`);
