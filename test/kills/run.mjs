// `npm run test:kills`: the power of simulated nodes is cut at every write. `-- --all` cuts at each in every way, on more
// kinds; `-- --seed=WORD` takes other chances, `-- --at=NUMBER` only one moment, in every way. Everything else goes to vitest:
// `-- update-grub` runs one file, `-t undo` the cuts of an undo.
import { spawnSync } from 'node:child_process';

const words = process.argv.slice(2);
const valueOf = (name) => words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
const [seed, at] = ['--seed', '--at'].map(valueOf);
const rest = words.filter((word) => !/^(?:--all|--seed=.*|--at=.*)$/.test(word));
const run = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.kills.config.ts', ...rest],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      ...(words.includes('--all') && { VFLEET_KILLS_ALL: 'yes' }),
      ...(seed !== undefined && { VFLEET_KILLS_SEED: seed }),
      ...(at !== undefined && { VFLEET_KILLS_AT: at }),
    },
  },
);
process.exitCode = run.status ?? 1;
