import type { Facts, ModuleFact } from '../facts/facts.ts';
import { moduleState } from '../facts/modules.ts';
import type { Wants } from '../resources/resource.ts';
import { sh } from '../shell/script.ts';
import type { Check } from './check.ts';
import { rightsRemedy } from './remedy.ts';
import { check, type Judgement } from './verdict.ts';

/**
 * Whether the running kernel has vfio's modules: loaded or built in, as `/sys/module` and the kernel's own index say.
 * `lsmod` is empty where they are built in, and `vfio_virqfd` is asked for only where the kernel has that module.
 */
export function vfioLoaded(): Check {
  return check(
    {
      id: 'vfio-loaded',
      title: 'Are the vfio modules loaded?',
      evidence: () => sh`
echo '$ lsmod | grep vfio'
lsmod 2>&1 | grep vfio
echo '$ dmesg | grep -i vfio'
dmesg 2>&1 | grep -i -e vfio -e 'read kernel buffer' | head -n 20
`,
    },
    ({ facts, wants }) => judgeModules(facts, modulesOf(wants)),
  );
}

function modulesOf(wants: Wants): readonly string[] {
  const wished = (wants.modules ?? [])
    .map((name) => name.replaceAll('-', '_'))
    .filter((name) => name.startsWith('vfio'));
  return [...new Set(['vfio', 'vfio_iommu_type1', 'vfio_pci', 'vfio_virqfd', ...wished])];
}

function judgeModules(facts: Facts, names: readonly string[]): Judgement {
  const all = names.map((name) => moduleState(facts, name));
  const states = all.filter((state) => !isFolded(state, all));
  const evidence = states.map((state) => `${state.name}: ${words[state.running ?? 'unknown']}`);
  const of = (running: ModuleFact['running']) => states.filter((s) => s.running === running).map((s) => s.name);
  const [absent, idle, unknown, builtin] = [of('absent'), of('available'), of(null), of('builtin')];
  if (absent.length > 0) {
    return {
      outcome: 'fail',
      found: `Kernel ${facts.kernel.running} has no ${absent.join(', ')}.`,
      evidence,
      remedy:
        'boot a kernel that has vfio: the generic flavour instead of a kvm or cloud one, with all its module packages',
    };
  }
  if (idle.length > 0) {
    const remedy =
      `list them in /etc/modules-load.d/vfio.conf (the passthrough playbook does), and reboot; ` +
      `at once: modprobe -a ${idle.join(' ')}. If they are listed: systemctl status systemd-modules-load`;
    return { outcome: 'fail', found: `Not loaded: ${idle.join(', ')}.`, evidence, remedy };
  }
  if (unknown.length > 0) {
    const isGone = facts.kernel.installed.length > 0 && !facts.kernel.installed.includes(facts.kernel.running);
    const remedy = isGone
      ? 'the running kernel is no longer installed: reboot into an installed one'
      : rightsRemedy(facts);
    return { outcome: 'unknown', found: `State not known: ${unknown.join(', ')}.`, evidence, remedy };
  }
  const how = builtin.length === states.length ? 'built into the kernel' : 'loaded or built in';
  return { outcome: 'pass', found: `All are ${how}: ${states.map((s) => s.name).join(', ')}.`, evidence };
}

const words = {
  loaded: 'loaded',
  builtin: 'built in',
  available: 'there, but not loaded',
  absent: 'not in this kernel',
  unknown: 'unknown',
} as const;

/** Linux 6.2 folded `vfio_virqfd` into `vfio`: where vfio itself is there, its absence is no fault. */
function isFolded(state: ModuleFact, all: readonly ModuleFact[]): boolean {
  if (state.name !== 'vfio_virqfd' || (state.running !== 'absent' && state.running !== null)) return false;
  const vfio = all.find((other) => other.name === 'vfio')?.running;
  return state.running === 'absent' || vfio === 'loaded' || vfio === 'builtin';
}
