import { kernelLog, type LogLine } from './kernel-log.ts';
import { below, file, type Layout } from './layout.ts';
import type { Running } from './running.ts';

/** Where the model keeps what is not a file on a real machine. Scripts under test have no business here. */
export const modelFolder = '/var/lib/lab-machine';

/**
 * The logs of a boot. `log/journal` has all of it, a line each of seconds, wall time, source and text between tabs;
 * `log/ring` is what dmesg(1) shows. Both grow at run time by what the stand-in tools add.
 */
export function logLayout(running: Running): Layout {
  const lines = [...kernelLog(running), ...services(running)].sort((a, b) => a.seconds - b.seconds);
  const ring = lines.filter(({ source }) => source === 'kernel');
  const shown = running.settings.log.wrapped ? [...ring, ...chatter()].slice(-ringLines) : ring;
  return below(`${modelFolder}/log`, {
    journal: file(lines.map((line) => printJournalLine(line, running.booted)).join(''), 0o640),
    ring: file(shown.map(printRingLine).join(''), 0o640),
  });
}

/** Lines that a wrapped ring still holds. A real one is sized in bytes: 128 KiB on Debian, 1 MiB on Enterprise Linux. */
const ringLines = 120;

/** A machine that has run for days: messages of its everyday life that push the boot's out of the ring. */
function chatter(): readonly LogLine[] {
  return Array.from({ length: 2 * ringLines }, (_, index) => ({
    seconds: 86_400 + index * 61.7,
    source: 'kernel',
    text: `perf: interrupt took too long (${2500 + index * 7} > ${2495 + index * 7}), lowering kernel.perf_event_max_sample_rate to ${79_000 - index * 100}`,
  }));
}

function services({ modules, settings, hostname }: Running): readonly LogLine[] {
  const { service } = modules;
  const line = (seconds: number, source: string, text: string): LogLine => ({ seconds, source, text });
  const loading =
    service?.lines.map((text, index) => line(6.2 + index * 0.001, 'systemd-modules-load[412]', text)) ?? [];
  const failed = service?.failed
    ? failureLines(settings.tools.systemd).map((text, index) => line(6.3 + index * 0.0001, 'systemd[1]', text))
    : [];
  return [line(5.9, 'systemd[1]', `Hostname set to <${hostname}>.`), ...loading, ...failed];
}

/** Captured wordings: see src/lab/machines/SOURCES.md. */
function failureLines(systemd: number): readonly string[] {
  const unit = 'systemd-modules-load.service';
  if (systemd < 230) {
    return [
      `${unit}: main process exited, code=exited, status=1/FAILURE`,
      'Failed to start Load Kernel Modules.',
      `Unit ${unit} entered failed state.`,
      `${unit} failed.`,
    ];
  }
  const title = systemd >= 250 ? `${unit} - Load Kernel Modules` : 'Load Kernel Modules';
  return [
    `${unit}: Main process exited, code=exited, status=1/FAILURE`,
    `${unit}: Failed with result 'exit-code'.`,
    `Failed to start ${title}.`,
  ];
}

function printRingLine({ seconds, text }: LogLine): string {
  return `[${seconds.toFixed(6).padStart(12)}] ${text}\n`;
}

function printJournalLine({ seconds, source, text }: LogLine, booted: Date): string {
  const at = new Date(booted.getTime() + seconds * 1000);
  const month = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][at.getUTCMonth()];
  const wall = `${month} ${String(at.getUTCDate()).padStart(2, '0')} ${at.toISOString().slice(11, 19)}`;
  return `${seconds.toFixed(6)}\t${wall}\t${source}\t${text}\n`;
}
