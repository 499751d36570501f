import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import Handlebars from 'handlebars';
import { VfleetError } from '../errors.ts';
import { helpers } from './helpers.ts';
import { refuseMissingNames } from './names.ts';
import { parseTemplate } from './syntax.ts';

/**
 * Where a template is: a name in the `templates` folder of the package (`modules-load.conf.hbs`), an absolute path or a
 * file URL (`new URL('motd.hbs', import.meta.url)` in a playbook), or the text itself with a name for messages.
 */
export type Template = string | URL | { readonly source: string; readonly name: string };

/** What a template may name. */
export type TemplateData = Readonly<Record<string, unknown>>;

/** Works from `src/` and from `dist/`: both lie beside `templates/`. */
const folder = new URL('../../templates/', import.meta.url);

const environment = isolated();

/**
 * Fills a Handlebars template in, strictly: nothing is HTML-escaped, and a name that the data lacks is an error also
 * inside `{{#if}}`, in a branch that is not taken, and in the body of a list that is empty. `host` is for messages.
 * Errors (`VfleetError`): `template.unreadable`, `template.syntax`, `template.unsupported`, `template.missing`,
 * `template.value`.
 */
export function render(template: Template, data: TemplateData, context: { readonly host?: string } = {}): string {
  const { name, source } = load(template);
  try {
    const { program, fill } = compiled(name, source);
    const values = ordinary(data);
    refuseMissingNames(program, values, name);
    return fill(values);
  } catch (error) {
    throw error instanceof VfleetError && context.host !== undefined ? error.of(context.host) : error;
  }
}

interface Compiled {
  readonly program: ReturnType<typeof parseTemplate>;
  readonly fill: (values: unknown) => string;
}

/** By text: the same few templates are filled in for every host of a rollout. */
const cache = new Map<string, Compiled>();
const cached = 100;

/** Errors: `template.syntax`, `template.unsupported`. */
function compiled(name: string, source: string): Compiled {
  const key = JSON.stringify([name, source]);
  const known = cache.get(key);
  if (known !== undefined) return known;
  const program = parseTemplate(source, name);
  const fill = environment.compile(program, {
    strict: true,
    noEscape: true,
    knownHelpersOnly: true,
    knownHelpers: Object.fromEntries(Object.keys(helpers).map((helper) => [helper, true])),
  });
  // A playbook may make a text for each host.
  if (cache.size >= cached) cache.clear();
  cache.set(key, { program, fill });
  return { program, fill };
}

function load(template: Template): { readonly name: string; readonly source: string } {
  if (typeof template === 'object' && 'source' in template) return template;
  const path = locate(template);
  try {
    return { name: path, source: readFileSync(path, 'utf8') };
  } catch (cause) {
    throw new VfleetError({
      code: 'template.unreadable',
      thing: path,
      expected: 'a template file',
      found: cause instanceof Error ? cause.message : String(cause),
      next: "check the path; a template of your own is named by new URL('NAME', import.meta.url)",
      cause,
    });
  }
}

function locate(template: string | URL): string {
  if (template instanceof URL || template.startsWith('file:')) return fileURLToPath(template);
  if (isAbsolute(template)) return template;
  if (!template.includes('/')) return fileURLToPath(new URL(encodeURIComponent(template), folder));
  throw new VfleetError({
    code: 'template.unreadable',
    thing: `template ${template}`,
    expected: 'a name in the templates folder, an absolute path or a file URL',
    found: 'a relative path, which depends on where vfleet was started',
    next: `write new URL('${template}', import.meta.url)`,
  });
}

/** An environment of our own: helpers that a playbook registers with Handlebars elsewhere do not reach it. */
function isolated(): typeof Handlebars {
  const own = Handlebars.create();
  for (const helper of ['log', 'lookup', 'helperMissing', 'blockHelperMissing']) own.unregisterHelper(helper);
  for (const [name, helper] of Object.entries(helpers)) own.registerHelper(name, (...given) => helper(given[0]));
  return own;
}

/** A copy with ordinary objects: Handlebars compares contexts with `!=`, which throws for objects of no prototype. */
function ordinary(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordinary);
  if (typeof value !== 'object' || value === null) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, ordinary(item)]));
}
