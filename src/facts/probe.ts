import { VfleetError } from '../errors.ts';
import { joinScripts, type Script, sh } from '../shell/script.ts';
import { secret } from '../shell/secret.ts';
import { bootProbe, parseBoot } from './boot.ts';
import { cpuProbe, parseCpu } from './cpu.ts';
import type { CustomFact } from './custom-fact.ts';
import type { Facts } from './facts.ts';
import { firmwareProbe, parseFirmware } from './firmware.ts';
import { guestsProbe, parseGuests } from './guests.ts';
import { hardwareProbe, parseHardware } from './hardware-probe.ts';
import { iommuProbe, parseIommu } from './iommu.ts';
import { isOnlyKernel, kernelProbe, parseKernel, parseKernelFiles, withReleases } from './kernel.ts';
import { logProbe, parseLog } from './log.ts';
import { memoryProbe, parseMemory } from './memory.ts';
import { modulesProbe, parseModules } from './modules.ts';
import { osProbe, parseIdentity, parseOs } from './os.ts';
import { parsePci, pciProbe } from './pci.ts';
import { linesOf, type Sections, textOf } from './sections.ts';
import { parseSetup, setupProbe } from './setup.ts';

const fragments = [
  osProbe,
  cpuProbe,
  memoryProbe,
  firmwareProbe,
  kernelProbe,
  iommuProbe,
  bootProbe,
  modulesProbe,
  pciProbe,
  guestsProbe,
  setupProbe,
  hardwareProbe,
  logProbe,
];

/** Section that proves that the probe came to its end. */
const done = 'probe-done';

/** Facts of a playbook's own, by name. */
type Customs = Readonly<Record<string, CustomFact<unknown>>>;

/**
 * The script that reads all facts in one exec. It only reads. A custom fact's script runs in a subshell of its own, so
 * that an `exit` or a syntax error in it spoils nothing else.
 */
export function probe(customs: Customs = {}): Script {
  const own = Object.values(customs).map(({ script }, i) => customProbe(customSection(i), script));
  return joinScripts([...fragments, ...own, sh`section ${done}\necho complete`]);
}

function customProbe(section: string, script: Script): Script {
  if (script.secrets.length === 0) return sh`section ${section}\n(eval ${script.text})`;
  // The text is quoted once more, so a secret in it may look different: all of it is masked, and each secret alone.
  return sh`section ${section}\n(eval ${secret(script.text)})\n: ${script.secrets.map(secret)}`;
}

/**
 * What the probe printed, as facts. Pure. Errors: `facts.incomplete` when a section is missing or the probe did not come
 * to its end.
 */
export function parseFacts(sections: Sections): Facts {
  requireEnd(sections);
  const { identity, architecture, release } = parseIdentity(sections);
  const os = parseOs(sections);
  const firmware = parseFirmware(sections);
  const log = parseLog(sections);
  const files = parseKernelFiles(sections);
  const found = parseBoot(sections, { os, firmware, architecture });
  const boot = { ...found, entries: withReleases(found.entries, files) };
  const kernel = parseKernel(files, release, boot.entries);
  const iommu = parseIommu(sections, log.lines);
  const only = isOnlyKernel(files, release, boot.entries);
  return {
    identity,
    os,
    architecture,
    cpu: parseCpu(sections),
    memory: parseMemory(sections),
    firmware,
    kernel,
    iommu,
    boot: only ? { ...boot, loaderEvidence: `${boot.loaderEvidence}; only one kernel is installed` } : boot,
    modules: parseModules(sections, release, kernel.next),
    pci: parsePci(sections, iommu.groups),
    guests: parseGuests(sections),
    log,
    setup: parseSetup(sections),
    hardware: parseHardware(sections),
  };
}

/** The values of a playbook's own facts. Errors: `facts.incomplete`; `facts.custom` when a fact's `parse` throws. */
export function parseCustomFacts(customs: Customs, sections: Sections): Readonly<Record<string, unknown>> {
  const values = Object.entries(customs).map(([name, custom], i) => {
    const text = textOf(sections, customSection(i));
    return [name, parseCustom(name, custom, text)] as const;
  });
  return Object.fromEntries(values);
}

function parseCustom(name: string, custom: CustomFact<unknown>, text: string): unknown {
  try {
    return custom.parse(text);
  } catch (cause) {
    throw new VfleetError({
      code: 'facts.custom',
      thing: `fact "${name}" of the playbook`,
      expected: 'output that its parse function takes',
      found: `${JSON.stringify(text.slice(0, 120))} (${cause instanceof Error ? cause.message : String(cause)})`,
      next: 'let the fact return null for what it cannot read',
      cause,
    });
  }
}

/** Sections are numbered, as a fact's name may hold anything. */
function customSection(index: number): string {
  return `custom-${index}`;
}

function requireEnd(sections: Sections): void {
  if (linesOf(sections, done)[0] === 'complete') return;
  throw new VfleetError({
    code: 'facts.incomplete',
    thing: `section ${done} of the probe`,
    expected: 'the word complete',
    found: 'something else: the output was cut or mixed up',
    next: 'run `vfleet facts` for this host again',
  });
}
