import type { AnyAuthMethod, AuthenticationType, NextAuthHandler } from 'ssh2';
import { VfleetError } from '../../errors.ts';
import { agentKeys } from './agent.ts';
import type { KeyFile, KeyFiles } from './key-file.ts';
import { describeTarget, type SshTarget } from './target.ts';

/** sshd's default `MaxAuthTries`: after so many refusals it ends the connection. Source: sshd_config(5). */
const maxTries = 6;

/** One way to log in. */
interface Method {
  /** Its name for people: `key file /root/.ssh/id_ed25519`. */
  readonly name: string;
  /** Its name in the protocol. */
  readonly needs: AuthenticationType;
  /** What is sent; given what the server takes, where that is known. */
  make(taken: readonly string[] | null): AnyAuthMethod | null;
}

/** The ways to log in to one host, tried in order, and what came of them. */
export interface Authentication {
  /** For `Client.connect`. */
  handler(taken: AuthenticationType[] | null, partial: boolean | null, next: NextAuthHandler): void;
  /** Whether nothing is left to try. */
  readonly exhausted: boolean;
  /** Why nobody got in. */
  failure(detail?: string): VfleetError;
}

/**
 * Key file, then agent, then password. A method that the server does not take is not tried, as each refusal counts.
 * `giveUp` is called when the server asks what nobody can answer. Errors: `ssh.key-file`; `ssh.auth` when there is nothing
 * to try at all.
 */
export async function prepareAuthentication(
  target: SshTarget,
  keyFiles: KeyFiles,
  giveUp: (why: string) => void,
): Promise<Authentication> {
  const notes: string[] = [];
  const methods = await methodsOf(target, keyFiles, notes, giveUp);
  const tried: string[] = [];
  let taken: readonly string[] | null = null;
  let exhausted = false;
  const left = [...methods];

  const failure = (detail?: string): VfleetError => {
    const { host, port, user, address } = target;
    const facts = [
      tried.length === 0 ? 'nothing tried' : `refused: ${tried.join(', ')}`,
      ...notes,
      ...(taken === null ? [] : [`the server takes ${taken.join(', ')}`]),
      ...(detail === undefined ? [] : [detail]),
    ];
    const next = `check that \`ssh -p ${port} ${user}@${address}\` logs in, and ssh.user, ssh.keyFile and ssh.password in the inventory`;
    return new VfleetError({ code: 'ssh.auth', host, ...thing(target), found: facts.join('; '), next });
  };
  if (methods.length === 0) throw failure('no key file, no agent and no password');

  const choose = (): AnyAuthMethod | null => {
    for (let method = left.shift(); method !== undefined; method = left.shift()) {
      const made = method.make(taken);
      const isTaken = made !== null && (taken === null || taken.includes(method.needs) || taken.includes(made.type));
      if (isTaken) {
        tried.push(method.name);
        return made;
      }
      notes.push(`not tried: ${method.name}`);
    }
    return null;
  };

  return {
    handler(methodsTaken, _partial, next) {
      if (methodsTaken !== null) taken = methodsTaken;
      // Asking costs nothing, a password sent to a server that wants it in another way does.
      if (taken === null && left[0]?.needs === 'password') return next({ type: 'none', username: target.user });
      const made = choose();
      if (made !== null) return next(made);
      exhausted = true;
      // ssh2 takes false for "no more"; its types do not say so.
      return next(false as unknown as AuthenticationType);
    },
    get exhausted() {
      return exhausted;
    },
    failure,
  };
}

async function methodsOf(
  target: SshTarget,
  keyFiles: KeyFiles,
  notes: string[],
  giveUp: (why: string) => void,
): Promise<readonly Method[]> {
  const { keyFile: path, agent, password } = target;
  const keyFile = path === null ? null : await keyFiles.load(path);
  const methods: Method[] = [];
  if (keyFile !== null) {
    if (keyFile.kind === 'ready') methods.push(byKey(target, keyFile));
    else if (agent === null && password === null) throw locked(target, keyFile.path);
    else notes.push(`key file ${keyFile.path} needs a passphrase`);
  }
  if (agent !== null) {
    const limit = maxTries - methods.length - (password === null ? 0 : 1);
    const method = await byAgent(target, agent, limit, keyFile?.kind === 'locked' ? keyFile.publicKey : null, notes);
    if (method !== null) methods.push(method);
  }
  if (password !== null) methods.push(byPassword(target, password, giveUp));
  return methods;
}

function byKey({ user }: SshTarget, { path, key }: Extract<KeyFile, { kind: 'ready' }>): Method {
  return {
    name: `key file ${path}`,
    needs: 'publickey',
    make: () => ({ type: 'publickey', username: user, key }),
  };
}

async function byAgent(
  { user }: SshTarget,
  path: string,
  limit: number,
  preferred: Buffer | null,
  notes: string[],
): Promise<Method | null> {
  try {
    const { agent, offered, usable } = await agentKeys(path, limit, preferred);
    if (usable > offered)
      notes.push(`${usable - offered} more keys of the agent not tried, sshd allows ${maxTries} tries`);
    if (offered === 0) {
      notes.push(`the agent at ${path} has no key that can be used`);
      return null;
    }
    const name = `agent (${offered} ${offered === 1 ? 'key' : 'keys'})`;
    return { name, needs: 'publickey', make: () => ({ type: 'agent', username: user, agent }) };
  } catch (cause) {
    notes.push(`the agent at ${path}: ${cause instanceof Error ? cause.message : String(cause)}`);
    return null;
  }
}

/** Some servers ask for the password in a conversation only: then it answers the one hidden question. */
function byPassword({ user }: SshTarget, password: string, giveUp: (why: string) => void): Method {
  return {
    name: 'password',
    needs: 'password',
    make(taken) {
      if (taken === null || taken.includes('password')) return { type: 'password', username: user, password };
      if (!taken.includes('keyboard-interactive')) return null;
      let asked = false;
      return {
        type: 'keyboard-interactive',
        username: user,
        prompt(_name, _instructions, _language, prompts, finish) {
          const [only, ...more] = prompts;
          const isPassword = !asked && more.length === 0 && only !== undefined && only.echo !== true;
          asked = true;
          if (isPassword) finish([password]);
          // An answer that is no answer would count as a failed try.
          else giveUp(`it asks ${prompts.map((prompt) => JSON.stringify(prompt.prompt)).join(', ')}`);
        },
      };
    },
  };
}

function locked(target: SshTarget, path: string): VfleetError {
  return new VfleetError({
    code: 'ssh.key-file',
    host: target.host,
    thing: path,
    expected: 'a key without a passphrase, or an agent that holds it',
    found: 'a passphrase, and no agent',
    next: `ssh-add ${path}, and run vfleet where SSH_AUTH_SOCK is set`,
  });
}

function thing(target: SshTarget): { readonly thing: string; readonly expected: string } {
  return { thing: `log-in to ${describeTarget(target)}`, expected: 'one way that the server accepts' };
}
