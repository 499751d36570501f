import { runProgram } from './program.ts';

/** Names of the device models that this QEMU has: `igb` came with 8.0. */
export async function qemuModels(): Promise<ReadonlySet<string>> {
  const lines = await runProgram('qemu-system-x86_64', ['-device', 'help'], { limit: 60_000 });
  return new Set(lines.flatMap((line) => /^name "([^"]+)"/.exec(line)?.[1] ?? []));
}
