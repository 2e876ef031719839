import { parseEnv } from 'node:util';
import { readPythonValue } from './python-value.ts';
import { assignmentsIn } from './settings-module.ts';

/** One file of settings, as it was given. */
export interface Source {
  readonly file: string;
  readonly text: string;
}

/** What Django was told, and what could not be found out. */
export interface DjangoSettings {
  readonly values: ReadonlyMap<string, unknown>;
  readonly unreadable: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

const SETTING = /^(?:USER_)?OIDC_/;

/** Reads `.env` files and settings modules together: what a module takes from the environment is in the `.env`. */
export function readDjangoSettings(sources: readonly Source[]): DjangoSettings {
  const environment: Record<string, string | undefined> = {};
  for (const { text } of sources.filter((source) => !isModule(source)))
    Object.assign(environment, parseEnv(text));
  const values = new Map<string, unknown>();
  for (const [variable, value] of Object.entries(environment)) {
    // django-configurations puts DJANGO_ in front of each name.
    const name = variable.replace(/^DJANGO_(?=(?:USER_)?OIDC_)/, '');
    if (SETTING.test(name)) values.set(name, value);
  }
  const unreadable = new Map<string, string>();
  const notes: string[] = [];
  for (const source of sources.filter(isModule))
    readModule(source, environment, { values, unreadable, notes });
  return { values, unreadable, notes };
}

// A settings module has blanks around its equals signs, by the style guide of Python; an `.env` has none.
function isModule({ file, text }: Source): boolean {
  if (file.endsWith('.py')) return true;
  const first = /^[ \t]*(?:export[ \t]+)?[A-Z][A-Z0-9_]*([ \t]*)(?::[^=\n]+)?=/m.exec(text);
  return first?.[1] !== undefined && first[1] !== '';
}

interface Reading {
  readonly values: Map<string, unknown>;
  readonly unreadable: Map<string, string>;
  readonly notes: string[];
}

function readModule(
  { file, text }: Source,
  environment: Readonly<Record<string, string | undefined>>,
  { values, unreadable, notes }: Reading,
): void {
  const lines = new Map<string, number>();
  for (const { name, source, line, indented } of assignmentsIn(text)) {
    if (!SETTING.test(name)) continue;
    const before = lines.get(name);
    if (before !== undefined) {
      const taken = indented ? before : line;
      notes.push(
        `${name} is set in line ${String(before)} of ${file} and again in line ${String(line)}: that of line ${String(taken)} was taken. See that it is the one of production.`,
      );
      if (indented) continue;
    }
    lines.set(name, line);
    unreadable.delete(name);
    const found = readPythonValue(name, source);
    if (found.kind === 'unreadable') {
      values.delete(name);
      unreadable.set(
        name,
        `line ${String(line)} of ${file} takes Python to read. Ask Django for the value (python manage.py shell) and write it here.`,
      );
    } else if (found.kind === 'literal') values.set(name, found.value);
    else {
      const { variable, fallback } = found;
      const fromFile = environment[`${variable}_FILE`];
      if (environment[variable] !== undefined) values.set(name, environment[variable]);
      else if (fromFile !== undefined) values.set(`${name}_FILE`, fromFile);
      else if (fallback !== null) {
        values.set(name, fallback);
        notes.push(
          `${name}: this is what line ${String(line)} of ${file} falls back to. In production ${variable} may say otherwise.`,
        );
      } else
        unreadable.set(
          name,
          `the environment has it, as ${variable}. Give the .env file along: oidc-rs migrate ${file} .env`,
        );
    }
  }
}
