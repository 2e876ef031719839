import convict from 'convict';

import { ConfigurationError } from './errors.ts';
import { Secret } from './secret.ts';
import { endpointUrl, internalUrl, isPlainHttp, issuerUrl } from './settings/formats.ts';
import { isNearMiss, LOGIN_SETTINGS, nearestName } from './settings/names.ts';
import { settingsSchema, type SettingDefinition } from './settings/schema.ts';
import { fromEnvironment, fromOptions } from './settings/sources.ts';

export { settingsSchema };

type Schema = typeof settingsSchema;

type Value<D extends SettingDefinition> = D extends { readonly sensitive: true }
  ? Secret | undefined
  : ReturnType<D['format']['read']> | (undefined extends D['default'] ? undefined : never);

/**
 * The settings, read and checked. Frozen; what is not set and has no default is `undefined`.
 *
 * @interface
 */
export type Settings = { readonly [N in keyof Schema]: Value<Schema[N]> };

/** The name of a setting, which is also the name of its environment variable. */
export type SettingName = keyof Settings;

type FileName = {
  [N in keyof Schema]: Schema[N] extends { readonly file: true } ? `${N}_FILE` : never;
}[keyof Schema];

/**
 * Settings as a program gives them: text as in the environment, or the value itself. They win over the environment.
 *
 * @interface
 */
export type SettingsInput = { readonly [N in keyof Schema]?: string | Settings[N] | undefined } & {
  readonly [F in FileName]?: string | undefined;
};

/** Where settings come from. */
export interface SettingsOptions {
  /** Win over the environment. */
  readonly settings?: SettingsInput | undefined;
  /** Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** What came of reading the settings. */
export interface SettingsReading {
  /** Where there is a problem with a setting, it has its default here. */
  readonly settings: Settings;
  /** One sentence for each setting that is wrong. */
  readonly problems: readonly string[];
  /** One sentence for each setting that works and should be thought over. */
  readonly warnings: readonly string[];
  /** The settings that `problems` is about. */
  readonly invalid: ReadonlySet<SettingName>;
}

const NAMES = Object.keys(settingsSchema) as SettingName[];
const KNOWN_NAMES = NAMES.flatMap((name) => (definitionOf(name).file ? [name, `${name}_FILE`] : [name]));
const FALLBACKS = [
  ['OIDC_RS_CLIENT_ID', 'OIDC_RP_CLIENT_ID'],
  ['OIDC_RS_CLIENT_SECRET', 'OIDC_RP_CLIENT_SECRET'],
] as const;

const URLS: ReadonlySet<unknown> = new Set([endpointUrl, issuerUrl, internalUrl]);

// convict looks formats up by name in one table for the whole process; each of ours goes by its setting's name.
const CONVICT_SCHEMA: Record<string, convict.SchemaObj<unknown>> = {};
const CONVICT_FORMATS: Record<string, convict.Format> = {};
for (const name of NAMES) {
  const { doc, format, default: standard, example, sensitive = false } = definitionOf(name);
  CONVICT_SCHEMA[name] = { doc, format: name, default: standard, env: name, example, sensitive };
  CONVICT_FORMATS[name] = {
    validate: (value) => void format.read(value),
    // convict coerces while it is built, where an error would hide all others: `validate` finds it again.
    coerce: (value) => {
      try {
        return format.read(value);
      } catch {
        return value as unknown;
      }
    },
  };
}

/** Reads the settings and throws every problem at once. @throws ConfigurationError */
export function loadSettings(options: SettingsOptions = {}): Settings {
  const { settings, problems } = readSettings(options);
  if (problems.length > 0) throw new ConfigurationError(problems);
  return settings;
}

/** Reads the settings and says everything that is wrong with them. It never throws. */
export function readSettings(options: SettingsOptions = {}): SettingsReading {
  const env = options.env ?? process.env;
  const input: Readonly<Record<string, unknown>> = options.settings ?? {};
  const reading = new Reading();
  readValues(reading, input, env);
  checkClient(reading);
  checkTransport(reading, env['NODE_ENV'] === 'production');
  checkNames(reading, input, env);
  return reading.finish();
}

/**
 * Problems for settings that are needed and not set. A setting that is wrong is not missing, and while the resource
 * server is switched off none is.
 */
export function missingSettings(
  reading: SettingsReading,
  names: Iterable<SettingName>,
  neededBy: string,
): string[] {
  if (!reading.settings.OIDC_RESOURCE_SERVER_ENABLED) return [];
  return [...new Set(names)]
    .filter((name) => reading.settings[name] === undefined && !reading.invalid.has(name))
    .map((name) => {
      const fallback = FALLBACKS.find(([first]) => first === name)?.[1];
      const missing = fallback
        ? `${name} is missing, and so is ${fallback}, which is read too`
        : `${name} is missing`;
      return `${missing}; ${neededBy} needs it, for example ${definitionOf(name).example}`;
    });
}

/** What is read so far. */
class Reading {
  readonly given = new Set<SettingName>();
  readonly values = new Map<SettingName, unknown>();
  readonly invalid = new Set<SettingName>();
  /** By name: a setting has one problem at most. */
  readonly problems = new Map<string, string>();
  readonly warnings: string[] = [];

  refuse(name: SettingName, wrong: string): void {
    this.invalid.add(name);
    this.values.set(name, definitionOf(name).default);
    this.problems.set(name, sentence(name, wrong));
  }

  finish(): SettingsReading {
    const settings = Object.fromEntries(
      NAMES.map((name) => [name, seal(name, this.values.get(name))]),
    ) as Settings;
    const order = [...new Set<string>([...NAMES, ...this.problems.keys()])];
    const problems = order.flatMap((name) => this.problems.get(name) ?? []);
    return { settings: Object.freeze(settings), problems, warnings: this.warnings, invalid: this.invalid };
  }
}

function definitionOf(name: SettingName): SettingDefinition {
  return settingsSchema[name];
}

function sentence(name: SettingName, wrong: string): string {
  return `${name} ${wrong}; a right value is, for example, ${definitionOf(name).example}`;
}

function seal(name: SettingName, value: unknown): unknown {
  if (definitionOf(name).sensitive && typeof value === 'string') return new Secret(value);
  return Array.isArray(value) ? Object.freeze(value) : value;
}

function readValues(
  reading: Reading,
  input: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
): void {
  const environment: Record<string, string> = {};
  const options = new Map<string, unknown>();
  for (const name of NAMES) {
    const { file = false, format } = definitionOf(name);
    const accepts = { file, refusesBlank: format.refusesBlank ?? false };
    const option = fromOptions(input, name, accepts);
    const given = option ?? fromEnvironment(env, name, accepts);
    if (!given) continue;
    reading.given.add(name);
    if ('problem' in given) reading.refuse(name, given.problem);
    else if (option) options.set(name, given.value);
    else environment[name] = given.value as string;
  }
  convict.addFormats(CONVICT_FORMATS);
  const config = convict<unknown>(CONVICT_SCHEMA, { env: environment, args: [] });
  for (const [name, value] of options) config.set(name, value);
  for (const [name, wrong] of refusals(config)) reading.refuse(name, wrong);
  const values = config.getProperties() as Record<SettingName, unknown>;
  for (const name of NAMES) {
    if (!reading.invalid.has(name)) reading.values.set(name, values[name]);
  }
}

/** What convict's validation says: a line for each setting, which are the name and the text of the FormatError. */
function refusals(config: convict.Config<unknown>): [SettingName, string][] {
  try {
    config.validate({ allowed: 'strict' });
    return [];
  } catch (error) {
    return (error as Error).message.split('\n').map((line) => {
      const [name = '', wrong = ''] = line.split(/: (.*)/);
      return [name as SettingName, wrong];
    });
  }
}

/** The login module's client stands in for ours, and does not matter where ours is set. */
function checkClient(reading: Reading): void {
  const { given, values, invalid, problems, warnings } = reading;
  for (const [name, fallback] of FALLBACKS) {
    if (given.has(name)) {
      invalid.delete(fallback);
      problems.delete(fallback);
    } else {
      values.set(name, values.get(fallback));
      if (invalid.has(fallback)) invalid.add(name);
    }
  }
  const secret = values.get('OIDC_RS_CLIENT_SECRET');
  if (typeof secret === 'string' && /^[\s"']|[\s"']$/.test(secret)) {
    const name = given.has('OIDC_RS_CLIENT_SECRET') ? 'OIDC_RS_CLIENT_SECRET' : 'OIDC_RP_CLIENT_SECRET';
    warnings.push(
      sentence(name, 'begins or ends with a blank, a line break or a quotation mark, which is sent along'),
    );
  }
}

/** What lets others on the way read or write along is refused in production. */
function checkTransport(reading: Reading, production: boolean): void {
  const refuse = (name: SettingName, wrong: string): void => {
    if (production) reading.refuse(name, `${wrong}, and NODE_ENV is production`);
    else reading.warnings.push(sentence(name, wrong));
  };
  for (const name of NAMES) {
    const format: unknown = definitionOf(name).format;
    const value = reading.values.get(name);
    if (typeof value !== 'string' || !URLS.has(format) || !isPlainHttp(value)) continue;
    const wrong = 'is an http:// URL of another machine, so that others on the way read along';
    // A network of containers has its own ways: that is what the setting is for.
    if (format === internalUrl) reading.warnings.push(sentence(name, wrong));
    else refuse(name, wrong);
  }
  if (reading.values.get('OIDC_VERIFY_SSL') === false) {
    refuse('OIDC_VERIFY_SSL', 'is false, so that others on the way can pose as the authorization server');
  }
}

/** A name with a slip in it would leave its setting at the default, and nobody would notice. */
function checkNames(
  reading: Reading,
  input: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
): void {
  const isStrange = (name: string): boolean => !KNOWN_NAMES.includes(name) && !LOGIN_SETTINGS.has(name);
  for (const name of Object.keys(input).filter(isStrange)) reading.problems.set(name, explainName(name));
  for (const name of Object.keys(env).filter(isStrange)) {
    if (name.startsWith('OIDC_RS_')) reading.problems.set(name, explainName(name));
    else if (isNearMiss(name, KNOWN_NAMES) || NAMES.some((known) => name === `${known}_FILE`))
      reading.warnings.push(explainName(name));
  }
}

function explainName(name: string): string {
  const start = name.slice(0, 80);
  const shown = /^[\w.-]+$/.test(start) ? start : JSON.stringify(start);
  const withoutFile = NAMES.find((known) => name === `${known}_FILE`);
  const nearest = withoutFile ?? nearestName(start, KNOWN_NAMES);
  const setting = NAMES.find((known) => known === nearest);
  const example = `${nearest}=${setting ? definitionOf(setting).example : '/run/secrets/file'}`;
  return withoutFile
    ? `${shown} is not read, since only secrets and certificates come from files; set ${nearest} itself, for example ${example}`
    : `${shown} is not a setting; the nearest one is ${nearest}, for example ${example}`;
}
