import type { Faults } from '../../src/lab/faults.ts';
import { type Lab, type LabOptions, startLab } from '../../src/lab/lab.ts';
import { kindDouble, modelDouble } from './model-double.ts';

/** A lab of machines of the test double, by name and faults. */
export async function startDoubles(
  nodes: Readonly<Record<string, Faults>>,
  options: Partial<LabOptions> = {},
): Promise<Lab> {
  return startLab({
    nodes: Object.entries(nodes).map(([name, faults]) => ({ name, rack: 'r1', kind: kindDouble(), faults })),
    model: modelDouble,
    bootMs: 60,
    ...options,
  });
}
