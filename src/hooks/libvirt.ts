import { z } from 'zod';
import { VfleetError } from '../errors.ts';
import { type Script, sh } from '../shell/script.ts';
import type { HookFunction, HooksInput } from './hook.ts';

export const libvirtOptions = z.strictObject({
  /** What becomes of running guests: shut down, saved to disk, or moved live to another host. Default: shut down. */
  guests: z.enum(['shutdown', 'save', 'migrate']).exactOptional(),
  /** Where they move to, as virsh(1) takes it: `qemu+ssh://spare01/system`. */
  to: z.string().min(1).exactOptional(),
  /** More options of `virsh migrate`: `--copy-storage-all`. */
  options: z.array(z.string().startsWith('--')).exactOptional(),
  /** As `30m`. */
  timeout: z.string().exactOptional(),
});

/** How a libvirt host is drained. */
export type LibvirtOptions = z.infer<typeof libvirtOptions>;

const folder = '/var/lib/vfleet';
/** Names of the guests that the drain has stopped; it is what undrain starts. */
const list = `${folder}/drained-guests`;

/**
 * Hooks for a libvirt host: guests that run are shut down, saved or migrated by virsh on the host, and those that were
 * stopped are started again. Errors: `hooks.definition` for a migration to nowhere.
 *
 * @example
 * playbook({ name: 'PCI passthrough', hooks: libvirt({ guests: 'migrate', to: 'qemu+ssh://spare01/system' }) })
 */
export function libvirt({ guests = 'shutdown', to, options = [], timeout }: LibvirtOptions = {}): HooksInput {
  if (guests === 'migrate' && to === undefined) {
    throw new VfleetError({
      code: 'hooks.definition',
      thing: 'hooks of libvirt',
      expected: 'a place where guests migrate to',
      found: 'none',
      next: "add to: 'qemu+ssh://HOST/system'",
    });
  }
  const drain = guests === 'migrate' ? migrate(to ?? '', options) : stop(guests);
  const limit = timeout === undefined ? {} : { timeout };
  return {
    drain: { run: onHost(drain), about: `libvirt: ${acts[guests]}${to === undefined ? '' : ` to ${to}`}`, ...limit },
    undrain: { run: onHost(start), about: 'libvirt: starts the guests that were stopped', ...limit },
  };
}

const acts = {
  shutdown: 'shuts running guests down',
  save: 'saves running guests to disk',
  migrate: 'moves running guests live',
};

/** All that are active, one name a line: a guest that is paused has a process too. */
const running = sh`virsh -c qemu:///system list --name </dev/null`;

function stop(how: 'shutdown' | 'save'): Script {
  const command = how === 'save' ? 'managedsave' : 'shutdown';
  return sh`
mkdir -p ${folder}
names=$( ${running} ) || exit
# A drain that is made once more must not forget the guests that the first one has stopped.
printf '%s\\n' "$names" | sed '/^ *$/d' >>${list} && sort -u -o ${list} ${list} && sync ${list} || exit
printf '%s\\n' "$names" | while IFS= read -r name; do
  if [ -n "$name" ]; then echo ${command} "$name"; virsh -c qemu:///system ${command} --domain "$name" >/dev/null </dev/null || exit; fi
done || exit
# A guest that shuts down takes its time; how long is the hook's to say.
while [ -n "$( ${running} | sed '/^ *$/d' )" ]; do sleep 1; done`;
}

function migrate(to: string, options: readonly string[]): Script {
  return sh`
names=$( ${running} ) || exit
printf '%s\\n' "$names" | while IFS= read -r name; do
  [ -n "$name" ] || continue
  echo migrate "$name"
  virsh -c qemu:///system migrate --live --persistent ${options} --domain "$name" --desturi ${to} </dev/null || exit
done`;
}

const start = sh`
[ -f ${list} ] || exit 0
names=$( ${running} ) || exit
while IFS= read -r name; do
  [ -n "$name" ] || continue
  # Autostart may have been faster.
  if printf '%s\\n' "$names" | grep -qxF -e "$name"; then continue; fi
  echo start "$name"
  virsh -c qemu:///system start --domain "$name" >/dev/null </dev/null || exit
done <${list} || exit
rm -f ${list}`;

function onHost(script: Script): HookFunction {
  return async (host) => {
    const { code, stdout, stderr } = await host.exec(script);
    if (code === 0) return;
    const found = stderr.trim() || stdout.toString('utf8').trim() || 'no output';
    throw new VfleetError({
      code: 'hook.libvirt',
      thing: 'virsh',
      found: `exit code ${code}: ${found.split('\n').at(-1)}`,
    });
  };
}
