import type { MachineSettings } from '../machine.ts';
import type { Disk } from './disk.ts';
import type { Start } from './firmware.ts';
import { reserveHugepages } from './hugepages.ts';
import type { Identity } from './identity.ts';
import { readInstallCommand } from './install-command.ts';
import { decideIommu } from './iommu.ts';
import {
  modprobeFolders,
  modprobeLines,
  modulesLoadFolders,
  modulesToLoad,
  readConfigurationFiles,
  readModuleConfiguration,
} from './module-configuration.ts';
import type { Running } from './running.ts';
import { startModules } from './running-modules.ts';
import { rulesOf, udevFiles } from './udev-files.ts';

interface Beginning {
  readonly disk: Disk;
  readonly settings: MachineSettings;
  readonly start: Extract<Start, { kind: 'kernel' }>;
  readonly hostname: string;
  readonly identity: Identity;
  readonly bootId: string;
  readonly booted: Date;
}

/** The kernel and the service manager up to a machine that is up. Reads module configuration, writes nothing. */
export function startKernel({ disk, settings, start, ...rest }: Beginning): Running {
  const { kernel, line, initramfs } = start;
  const lines = modprobeLines(readConfigurationFiles(disk, modprobeFolders));
  const loadFiles = readConfigurationFiles(disk, modulesLoadFolders);
  const wanted = modulesToLoad(loadFiles, line);
  // ConditionDirectoryNotEmpty= and ConditionKernelCommandLine= of systemd-modules-load.service.
  const runs = wanted.length > 0 || loadFiles.length > 0;
  const iommu = decideIommu(settings, kernel, line);
  const { rules } = rulesOf(udevFiles(disk));
  const modules = startModules({
    settings,
    kernel,
    initramfs,
    commandLine: line,
    early: readModuleConfiguration(initramfs.modprobe, line, settings.initramfs, kernel.softdeps),
    late: readModuleConfiguration(lines, line, 'system', kernel.softdeps),
    wanted: runs ? wanted : null,
    rules,
    translated: iommu.on,
    commandOf: (command) =>
      readInstallCommand(disk, command, settings.initramfs === 'initramfs-tools' ? 'dash' : 'bash'),
  });
  return {
    ...rest,
    settings,
    kernel,
    line,
    modules,
    iommu,
    functions: new Map(),
    unprobed: new Set(),
    hugepages: reserveHugepages(settings, line),
    variables: start.variables,
  };
}
