import { isMap, isScalar, isSeq, type Node, type Scalar } from 'yaml';
import { MAX_DEPTH, type YamlFile } from './document.ts';
import { type Problems, positionOf } from './problem.ts';
import { isJinja, unsupported } from './unsupported.ts';

/**
 * The plain value of a node: text, number, boolean, null, list or record. A Jinja expression or a vault value becomes an
 * `Unsupported` marker in its place; `!unsafe` text is taken literally.
 */
export function valueOf(node: Node | null, yaml: YamlFile, path: readonly string[], problems: Problems): unknown {
  if (path.length > MAX_DEPTH || !yaml.step()) {
    problems.add(
      'inventory.syntax',
      yaml.place(node),
      path.slice(0, 8),
      'nested too deep, probably an alias to itself',
    );
    return null;
  }
  if (isScalar(node)) return scalarValue(node, yaml, path, problems);
  if (isSeq(node)) {
    return node.items.map((item, index) => valueOf(yaml.follow(item), yaml, [...path, String(index)], problems));
  }
  if (isMap(node)) return recordValue(node.items, yaml, path, problems);
  return null;
}

type Pairs = readonly { readonly key: unknown; readonly value: unknown }[];

function recordValue(items: Pairs, yaml: YamlFile, path: readonly string[], problems: Problems): unknown {
  const record: Record<string, unknown> = {};
  const merged: Record<string, unknown>[] = [];
  for (const pair of items) {
    const key = yaml.follow(pair.key);
    const name = isScalar(key) ? String(key.value ?? '') : null;
    const inner = [...path, name ?? '?'];
    if (name === null || name === '__proto__') {
      const text = name === null ? 'expected text as key; quote a Jinja expression: "{{ … }}"' : 'not a usable key';
      problems.add('inventory.key', yaml.place(key), path, text);
    } else if (Object.hasOwn(record, name)) {
      problems.add('inventory.duplicate', yaml.place(key), inner, 'the same key twice');
    } else if (name === '<<') {
      const source = valueOf(yaml.follow(pair.value), yaml, inner, problems);
      merged.push(...(Array.isArray(source) ? source : [source]));
    } else {
      record[name] = valueOf(yaml.follow(pair.value), yaml, inner, problems);
    }
  }
  // The first of several merged maps wins over the later ones, and the map itself over all of them.
  return merged.length === 0 ? record : Object.assign({}, ...merged.toReversed(), record);
}

function scalarValue(node: Scalar, yaml: YamlFile, path: readonly string[], problems: Problems): unknown {
  const { tag, value } = node;
  if (tag === '!vault' || tag === '!vault-encrypted') return unsupported('vault', positionOf(yaml.place(node)), '');
  if (tag === '!unsafe') return value;
  if (typeof value === 'string' && isJinja(value)) {
    return unsupported('jinja', positionOf(yaml.place(node)), value);
  }
  const other = node.type === 'PLAIN' ? otherReading(node.source ?? '') : null;
  if (other !== null) problems.warn(yaml.place(node), path, other);
  return value;
}

/**
 * What Ansible reads otherwise: it follows YAML 1.1, vfleet YAML 1.2, where `yes` is text. Never silent, because a device
 * id such as `1e07` is a number of ten million here, and `0300` is 300 here and 192 there.
 */
function otherReading(source: string): string | null {
  if (/^(?:yes|no|on|off)$/i.test(source)) {
    const meant = /^(?:yes|on)$/i.test(source);
    return `${source} is text here, and ${meant} to Ansible: write ${meant}, or "${source}" in quotes for the text`;
  }
  if (/^[-+]?[0-9]+e[-+]?[0-9]+$/i.test(source)) {
    return `${source} is the number ${Number(source)}: write "${source}" in quotes for the text`;
  }
  if (/^[-+]?0[0-9]+$/.test(source)) {
    const octal = /^[-+]?0[0-7]+$/.test(source) ? 'an octal number' : 'text';
    return `${source} is the number ${Number(source)} here, and ${octal} to Ansible: write "${source}" in quotes for the text`;
  }
  return null;
}
