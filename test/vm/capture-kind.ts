// Captures a machine kind of the simulated lab from a node of a lab of virtual machines that is up. It only reads there.
//   npx jiti test/vm/capture-kind.ts LAB-FOLDER NODE src/lab/machines/NAME "TITLE"
import { readingScript } from './capture/reading.ts';
import { writeKind } from './capture/write-kind.ts';
import { virtualSubject } from './parity/subjects.ts';

const [lab, node, folder, title] = process.argv.slice(2);
if (lab === undefined || node === undefined || folder === undefined || title === undefined) {
  throw new Error('usage: npx jiti test/vm/capture-kind.ts LAB-FOLDER NODE KIND-FOLDER "TITLE"');
}
const machine = await virtualSubject(lab, node);
await writeKind(folder, await machine.on(await readingScript()), title);
await machine.stop();
