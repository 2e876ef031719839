import convict from 'convict';

import { ConfigurationError } from './errors.ts';
import { Secret } from './secret.ts';
import { endpointUrl, FormatError, isPlainHttp, issuerUrl } from './settings-formats.ts';
import { isNearMiss, LOGIN_SETTINGS, nearestName } from './settings-names.ts';
import { settingsSchema, type SettingDefinition } from './settings-schema.ts';
import { fromEnvironment, fromOptions } from './settings-sources.ts';

export { settingsSchema };

type Schema = typeof settingsSchema;

/** The name of a setting, which is also the name of its environment variable. */
export type SettingName = keyof Schema;

type Value<D extends SettingDefinition> = D extends { readonly sensitive: true }
  ? Secret | undefined
  : ReturnType<D['format']['read']> | (undefined extends D['default'] ? undefined : never);

/** The settings, read and checked. Frozen; what is not set and has no default is `undefined`. */
export type Settings = { readonly [N in SettingName]: Value<Schema[N]> };

type FileName = { [N in SettingName]: Schema[N] extends { readonly file: true } ? `${N}_FILE` : never }[SettingName];

/** Settings as a program gives them: text as in the environment, or the value itself. They win over the environment. */
export type SettingsInput = { readonly [N in SettingName]?: string | Settings[N] | undefined } & {
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
const KNOWN_NAMES: readonly string[] = NAMES.flatMap((name) =>
  definitionOf(name).file ? [name, `${name}_FILE`] : [name],
);
const FALLBACKS = [
  ['OIDC_RS_CLIENT_ID', 'OIDC_RP_CLIENT_ID'],
  ['OIDC_RS_CLIENT_SECRET', 'OIDC_RP_CLIENT_SECRET'],
] as const;

/** What is read so far. Each setting has one problem at most, the first. */
interface Progress {
  readonly values: Map<SettingName, unknown>;
  readonly problems: Map<string, string>;
  readonly warnings: string[];
}

/** Reads the settings and says everything that is wrong with them. It never throws. */
export function readSettings(options: SettingsOptions = {}): SettingsReading {
  const env = options.env ?? process.env;
  const input: Readonly<Record<string, unknown>> = options.settings ?? {};
  const progress: Progress = { values: new Map(), problems: new Map(), warnings: [] };
  readValues(progress, input, env);
  fallBack(progress);
  checkSafety(progress, env['NODE_ENV'] === 'production');
  checkNames(progress, input, env);

  const { values, problems, warnings } = progress;
  const settings = Object.fromEntries(
    NAMES.map((name) => [name, problems.has(name) ? definitionOf(name).default : values.get(name)]),
  );
  return { settings, problems: [...problems.values()], warnings, invalid: new Set(NAMES.filter((name) => problems.has(name))) };
}
