import ssh2, { type BaseAgent, type ParsedKey, type PublicKeyEntry } from 'ssh2';

type PublicKey = string | Buffer | ParsedKey;

/** Keys of an agent, as a log-in may use them. */
export interface AgentKeys {
  readonly agent: BaseAgent;
  /** How many of its keys are offered, and how many it has that can be. */
  readonly offered: number;
  readonly usable: number;
}

/**
 * Asks an agent for its keys and offers at most `limit` of them, `preferred` (a public key in wire form) first: every key
 * that a server refuses counts as a failed try, and sshd ends the connection after 6. Certificates and hardware keys are
 * left out, as ssh2 cannot use them. Rejects when the agent cannot be asked.
 */
export async function agentKeys(path: string, limit: number, preferred: Buffer | null): Promise<AgentKeys> {
  const inner = ssh2.createAgent(path);
  const all = await new Promise<readonly (PublicKey | PublicKeyEntry)[]>((resolve, reject) => {
    inner.getIdentities((error, keys) => {
      if (error) reject(error);
      else resolve(keys ?? []);
    });
  });
  const usable = all
    .map((identity) => ssh2.utils.parseKey(keyOf(identity)))
    .filter((key): key is ParsedKey => !(key instanceof Error));
  const isPreferred = (key: ParsedKey): boolean => preferred !== null && key.getPublicSSH().equals(preferred);
  const sorted = [...usable.filter(isPreferred), ...usable.filter((key) => !isPreferred(key))];
  const offered = sorted.slice(0, Math.max(0, limit));
  return { agent: new LimitedAgent(inner, offered), offered: offered.length, usable: usable.length };
}

/** Agents of different kinds give the key itself, or an entry that holds it. */
function keyOf(identity: PublicKey | PublicKeyEntry | PublicKeyEntry['pubKey']): PublicKey {
  return typeof identity === 'object' && 'pubKey' in identity ? keyOf(identity.pubKey) : identity;
}

/** Shows some keys of another agent, which signs with them. */
class LimitedAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #inner: BaseAgent;
  readonly #keys: readonly ParsedKey[];

  constructor(inner: BaseAgent, keys: readonly ParsedKey[]) {
    super();
    this.#inner = inner;
    this.#keys = keys;
  }

  override getIdentities(callback: (error?: Error | null, keys?: ParsedKey[]) => void): void {
    callback(null, [...this.#keys]);
  }

  override sign(...args: unknown[]): void {
    Reflect.apply(this.#inner.sign, this.#inner, args);
  }
}
