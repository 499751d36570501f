// Checks that imports point down only, and that each library is used in its one folder. Type-only imports are exempt:
// they leave no trace at run time. Run by `npm run check`; exits 1 and names every import that points the wrong way.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const src = fileURLToPath(new URL('../../src/', import.meta.url));

/** Small things that everybody may import. */
const shared = new Set(['errors.ts', 'names.ts', 'nearest.ts']);

/** What is written down in an inventory and in a playbook alike: read by both, and imports nothing but errors. */
const written = new Set(['rollout/wish.ts', 'rollout/window.ts']);

/** What each folder may import at run time, beside itself and what is shared. */
const below = {
  lock: [],
  transport: [],
  shell: ['transport'],
  template: [],
  boot: ['template', 'shell'],
  facts: ['boot', 'template', 'shell'],
  devices: ['facts', 'template', 'shell'],
  resources: ['devices', 'facts', 'boot', 'template', 'shell'],
  checks: ['devices', 'facts', 'boot', 'template', 'shell'],
  hooks: ['shell'],
  host: ['devices', 'facts', 'hooks', 'resources', 'checks', 'boot', 'template', 'shell'],
  inventory: [],
  events: ['lock'],
  playbook: ['hooks', 'inventory'],
  rollout: ['host', 'events'],
  report: ['events'],
  lab: ['inventory', 'lock', 'shell'],
  cli: [
    'rollout',
    'report',
    'hooks',
    'host',
    'devices',
    'facts',
    'resources',
    'boot',
    'shell',
    'template',
    'transport',
    'inventory',
    'playbook',
    'events',
    'lock',
    'lab',
    'index.ts',
  ],
  'index.ts': [
    'playbook',
    'hooks',
    'devices',
    'facts',
    'checks',
    'resources',
    'shell',
    'boot',
    'inventory',
    'template',
  ],
  'errors.ts': [],
  'names.ts': [],
  'nearest.ts': [],
};

/** Libraries and the only folders that may import them. */
const homes = {
  ssh2: ['transport/ssh/', 'lab/'],
  yargs: ['cli/'],
  'yargs/helpers': ['cli/'],
  handlebars: ['template/'],
  jiti: ['playbook/'],
  diff: ['resources/'],
};

const importPattern =
  /^(?:import|export)\s+(?!type\b)(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm;

const wrong = [];
for (const file of readdirSync(src, { recursive: true })
  .map(String)
  .filter((name) => name.endsWith('.ts'))) {
  const from = file.split('/')[0];
  if (!(from in below)) {
    wrong.push(`src/${file}: folder ${from} has no place in test/architecture/imports.mjs`);
    continue;
  }
  for (const [, stated, dynamic] of readFileSync(join(src, file), 'utf8').matchAll(importPattern)) {
    const target = stated ?? dynamic;
    if (target.startsWith('.')) {
      const path = relative(src, normalize(join(src, dirname(file), target)));
      const to = path.split('/')[0];
      if (shared.has(to) || written.has(path)) continue;
      if (!written.has(file) && (to === from || below[from].includes(to))) continue;
      wrong.push(`src/${file}: ${from} may not import ${to} (${target})`);
    } else if (target in homes && !homes[target].some((home) => file.startsWith(home))) {
      wrong.push(`src/${file}: ${target} may be imported only by ${homes[target].join(' and ')}`);
    }
  }
}

const onlyByItsCommand = (file, text) =>
  /from '(?:\.\.\/)+lab\//.test(text) && !/^(?:lab\/|cli\/commands\/lab)/.test(file);
for (const file of readdirSync(src, { recursive: true })
  .map(String)
  .filter((name) => name.endsWith('.ts'))) {
  if (onlyByItsCommand(file, readFileSync(join(src, file), 'utf8')))
    wrong.push(`src/${file}: lab is imported only by its command`);
}

if (wrong.length > 0) {
  console.error(wrong.join('\n'));
  process.exit(1);
}
console.log('imports point down');
