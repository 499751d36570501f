import type { Script } from '../shell/script.ts';

/** A fact of a playbook's own: a script that only reads, and a pure parser of what it prints. */
export interface CustomFact<Value> {
  readonly script: Script;
  parse(text: string): Value;
}

/**
 * Defines a fact that is read in the same probe as the built-in ones.
 *
 * @example
 * facts: { uptime: fact(sh`cat /proc/uptime`, (text) => Number.parseFloat(text)) }
 */
export function fact<Value>(script: Script, parse: (text: string) => Value): CustomFact<Value> {
  return { script, parse };
}
