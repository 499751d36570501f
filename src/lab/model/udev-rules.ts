/** A token of a rule: `ATTR{vendor}=="0x10de"`. */
export interface UdevToken {
  readonly key: string;
  /** What stands in braces after the key. */
  readonly attribute: string | null;
  readonly operator: '==' | '!=' | '=' | '+=' | ':=';
  readonly value: string;
}

/** A line of a rules file. */
export interface UdevRule {
  readonly file: string;
  readonly tokens: readonly UdevToken[];
}

/** Rules, and what the lab does not understand in them: `82-x.rules:3: PROGRAM=…`. */
export interface UdevRules {
  readonly rules: readonly UdevRule[];
  readonly unknown: readonly string[];
}

const matches = [
  'ACTION',
  'SUBSYSTEM',
  'SUBSYSTEMS',
  'KERNEL',
  'KERNELS',
  'DRIVER',
  'DRIVERS',
  'ATTR',
  'ATTRS',
  'ENV',
  'DEVPATH',
];
const assignments = ['ATTR', 'ENV', 'RUN', 'SYMLINK', 'MODE', 'GROUP', 'OWNER', 'TAG', 'GOTO', 'LABEL'];

/**
 * Reads the text of a rules file as udev(7) has it: those keys that rules for devices use. A line with anything else is told,
 * and does nothing: a lab that silently skipped it would promise what no host keeps.
 */
export function readUdevRules(file: string, text: string): UdevRules {
  const rules: UdevRule[] = [];
  const unknown: string[] = [];
  for (const [index, line] of joinedLines(text)) {
    const tokens = readTokens(line);
    const wrong = tokens === null ? line : tokens.find((token) => !isKnown(token));
    if (tokens !== null && wrong === undefined) rules.push({ file, tokens });
    else unknown.push(`${file}:${index}: ${typeof wrong === 'string' ? wrong : printToken(wrong)}`);
  }
  return { rules, unknown };
}

/** Lines that say something, with their number; a backslash at the end continues a line. */
function joinedLines(text: string): readonly (readonly [number, string])[] {
  const lines: (readonly [number, string])[] = [];
  let begun = '';
  for (const [index, line] of text.split('\n').entries()) {
    if (begun === '' && /^\s*(?:#|$)/.test(line)) continue;
    begun += line.replace(/\\$/, '').trimStart();
    if (line.endsWith('\\')) continue;
    lines.push([index + 1, begun.trim()]);
    begun = '';
  }
  return lines;
}

/** `null`: no list of tokens. In a value, `\"` is a quotation mark. */
function readTokens(line: string): readonly UdevToken[] | null {
  const token = /\s*,?\s*([A-Z_]+)(?:\{([^}]*)\})?\s*(==|!=|\+=|:=|=)\s*"((?:[^"\\]|\\.)*)"\s*,?/y;
  const tokens: UdevToken[] = [];
  while (token.lastIndex < line.length) {
    const found = token.exec(line);
    if (found === null) return null;
    const [, key = '', attribute = null, operator = '', value = ''] = found;
    tokens.push({ key, attribute, operator: operator as UdevToken['operator'], value: value.replaceAll('\\"', '"') });
  }
  return tokens;
}

function isKnown({ key, attribute, operator }: UdevToken): boolean {
  // udev(7) takes it as a match, too; rules here only assign.
  if (key === 'IMPORT') return attribute === 'cmdline' && operator === '=';
  const braces = /^(?:ATTRS?|ENV)$/.test(key);
  if (braces === (attribute === null) && !(key === 'RUN' && braces === false)) return false;
  if (operator === '==' || operator === '!=') return matches.includes(key) || key === 'TAG';
  if (key === 'RUN') return attribute === null || attribute === 'program' || attribute === 'builtin';
  return assignments.includes(key) && (key !== 'ATTR' || operator === '=');
}

function printToken(token: UdevToken | undefined): string {
  if (token === undefined) return 'an empty line';
  const { key, attribute, operator, value } = token;
  return `${key}${attribute === null ? '' : `{${attribute}}`}${operator}"${value}"`;
}
