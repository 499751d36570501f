import { z } from 'zod';
import { rolloutSchema } from '../rollout/wish.ts';
import { knownAnsibleNames } from './ansible.ts';
import { sshSchema } from './ssh-schema.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The JSON Schema (draft 7, which every editor knows) of an inventory file: the first line of a file that uses it is
 * `# yaml-language-server: $schema=vfleet-inventory.schema.json`. It describes form and types; what only a whole inventory
 * shows, such as an unknown group, the loader checks.
 */
export function inventorySchema(): JsonSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'vfleet inventory',
    description: 'Groups of hosts: an Ansible YAML inventory, with ssh and rack on a host, a group or all.',
    type: 'object',
    properties: { all: ref('all') },
    patternProperties: { '^[^\\s:,!&~@*?\\[\\]]+$': ref('group') },
    additionalProperties: false,
    definitions: {
      all: all(),
      group: group(),
      rollout: rollout(),
      host: host(),
      variables: variables(),
      ssh: ssh(),
      rack: rack(),
    },
  };
}

function ref(name: string): JsonSchema {
  return { $ref: `#/definitions/${name}` };
}

function all(): JsonSchema {
  return { ...group(), properties: { ...groupProperties(), rollout: ref('rollout') } };
}

function group(): JsonSchema {
  return { type: ['object', 'null'], properties: groupProperties(), additionalProperties: false };
}

function rollout(): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(rolloutSchema, { target: 'draft-7', io: 'input' });
  return { ...schema, description: 'How apply goes about its hosts.' };
}

function groupProperties(): JsonSchema {
  return {
    hosts: {
      description: 'Hosts by name; a key may be a range: node[01:40].',
      type: ['object', 'null', 'string'],
      additionalProperties: ref('host'),
    },
    children: {
      description: 'Groups in this group.',
      type: ['object', 'null', 'string'],
      additionalProperties: ref('group'),
    },
    vars: { ...variables(), description: 'Variables of every host in this group.' },
    ssh: ref('ssh'),
    rack: ref('rack'),
  };
}

function host(): JsonSchema {
  return { ...variables(), description: 'Variables of this host, or nothing.' };
}

function variables(): JsonSchema {
  const port = { type: ['integer', 'string', 'null'] };
  const become = { type: ['boolean', 'string', 'null'] };
  const text = { type: ['string', 'null'] };
  const of = (name: string): JsonSchema => (name.endsWith('_port') ? port : name === 'ansible_become' ? become : text);
  return {
    type: ['object', 'null'],
    properties: {
      ssh: ref('ssh'),
      rack: ref('rack'),
      ...Object.fromEntries(knownAnsibleNames.map((name) => [name, of(name)])),
    },
  };
}

function ssh(): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(sshSchema, { target: 'draft-7', unrepresentable: 'any' });
  return { ...schema, description: 'How to log in.' };
}

function rack(): JsonSchema {
  return { type: ['string', 'number', 'null'], description: 'The failure domain: hosts that may fail together.' };
}
