import { homedir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** What the process around vfleet says. Read once, here and nowhere else. */
export interface Environment {
  readonly user: string;
  readonly home: string;
  /** Socket of the SSH agent. */
  readonly agent: string | null;
  /** Folder for journals and caches: `$XDG_STATE_HOME/vfleet`. */
  readonly stateHome: string;
  readonly cacheHome: string;
  /** Inventory to use when `-i` is not given. */
  readonly inventory: string;
  /** Somebody is there to answer a question. */
  readonly interactive: boolean;
  /** `null`: nobody said; a stream that is a terminal has colours. */
  readonly colour: boolean | null;
  /** The terminal cannot move its cursor. */
  readonly dumb?: boolean;
}

/** Reads the environment of this process. */
export function readEnvironment(): Environment {
  const { env } = process;
  const home = env['HOME'] || homedir();
  return {
    user: userName(env),
    home,
    agent: env['SSH_AUTH_SOCK'] || null,
    stateHome: join(absolute(env['XDG_STATE_HOME']) ?? join(home, '.local', 'state'), 'vfleet'),
    cacheHome: join(absolute(env['XDG_CACHE_HOME']) ?? join(home, '.cache'), 'vfleet'),
    inventory: env['VFLEET_INVENTORY'] || 'inventory',
    interactive: Boolean(process.stdin.isTTY && process.stderr.isTTY),
    colour: wishedColour(env),
    dumb: env['TERM'] === 'dumb',
  };
}

/** https://no-color.org; FORCE_COLOR goes before it, as in Node itself. */
function wishedColour(env: NodeJS.ProcessEnv): boolean | null {
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return env['NO_COLOR'] || env['TERM'] === 'dumb' ? false : null;
}

/** In a container the user may have no name. */
function userName(env: NodeJS.ProcessEnv): string {
  try {
    return userInfo().username;
  } catch {
    return env['USER'] ?? '';
  }
}

/** A relative path in an XDG variable is ignored, as the XDG Base Directory Specification says. */
function absolute(path: string | undefined): string | null {
  return path !== undefined && isAbsolute(path) ? path : null;
}
