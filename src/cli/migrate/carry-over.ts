import { isNearMiss, LOGIN_SETTINGS, nearestName } from '../../settings/names.ts';
import { settingsSchema, type SettingDefinition } from '../../settings/schema.ts';
import { carry, INSTEAD, type Outcome, RULES } from './rules.ts';
import type { DjangoSettings } from './source.ts';

/** What became of Django's settings. */
export interface Migration {
  readonly settings: Readonly<Record<string, string>>;
  readonly notCarriedOver: readonly { readonly name: string; readonly why: string }[];
  readonly notes: readonly string[];
}

const SCHEMA: Readonly<Record<string, SettingDefinition>> = settingsSchema;
const NAMES = Object.keys(SCHEMA);

/** Turns Django's settings into those of this package. */
export function carryOver(django: DjangoSettings): Migration {
  const settings: Record<string, string> = {};
  const notes = [...django.notes];
  const notCarriedOver = [...django.unreadable].map(([name, why]) => ({ name, why }));
  const login: string[] = [];
  for (const [name, value] of django.values) {
    // None, and a blank in the environment, mean that it is not set.
    if (value === null || value === undefined || value === '') continue;
    const outcome = outcomeOf(name, value);
    if (outcome === 'login') login.push(name);
    else if (outcome.why !== undefined) notCarriedOver.push({ name, why: outcome.why });
    else {
      Object.assign(settings, outcome.settings);
      if (outcome.note !== undefined) notes.push(outcome.note);
    }
  }
  if (login.length > 0) notCarriedOver.push({ name: login.join(', '), why: 'people log in elsewhere.' });
  if (!('OIDC_RS_CLIENT_AUTH_METHOD' in settings) && Object.keys(settings).length > 0) {
    settings.OIDC_RS_CLIENT_AUTH_METHOD = 'client_secret_post';
    notes.push(
      'OIDC_RS_CLIENT_AUTH_METHOD: the original sends the client secret in the body. When nothing is left in Django, take the line away: HTTP Basic is then tried first.',
    );
  }
  return { settings, notCarriedOver, notes };
}

function outcomeOf(name: string, value: unknown): Outcome | 'login' {
  const file = /^(.+)_FILE$/.exec(name)?.[1];
  if (file !== undefined && SCHEMA[file]?.file) return { settings: { [name]: String(value) } };
  const rule = RULES[name];
  if (rule) return rule(value);
  if (name in SCHEMA) return carry(name, value);
  const instead = INSTEAD[name];
  if (instead !== undefined) return { why: instead };
  if (LOGIN_SETTINGS.has(name)) return 'login';
  const hint = isNearMiss(name, NAMES) ? ` Is ${nearestName(name, NAMES)} meant?` : '';
  return { why: `neither this package nor the original has it.${hint}` };
}
