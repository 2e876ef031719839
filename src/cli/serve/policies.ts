import { nearestName } from '../../settings/names.ts';
import type { Requirements } from '../../types.ts';
import { readTextFile } from '../environment.ts';
import { UsageError } from '../exit-code.ts';
import { printable } from '../terminal.ts';
import { duplicateMembers } from './duplicate-members.ts';

/** What `/policy/<name>` asks, by name. A map: no name can mean anything but itself. */
export type Policies = ReadonlyMap<string, Requirements>;

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
// RFC 6749 section 3.3.
const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]+$/;
const LISTS = ['scopes', 'anyScope'] as const;
const SWITCHES = ['clients', 'optional'] as const;
const MEMBERS: readonly string[] = [...LISTS, ...SWITCHES];
const EXAMPLE = '{ "reports": { "scopes": ["reports:read"] } }';

type Members = Readonly<Record<string, unknown>>;

/**
 * Reads the file of policies; there are none without a file.
 *
 * @throws UsageError with every problem at once
 */
export function readPolicies(file: string | undefined): Policies {
  if (file === undefined) return new Map();
  const { policies, problems } = parsePolicies(readTextFile(file, '--policies'));
  if (problems.length === 0) return policies;
  const list = problems.map((problem) => `\n  - ${problem}`).join('');
  throw new UsageError(`--policies: ${file} cannot be used. Correct this:${list}`);
}

/** Reads policies and says everything that is wrong with them. */
export function parsePolicies(text: string): { policies: Policies; problems: readonly string[] } {
  const policies = new Map<string, Requirements>();
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return { policies, problems: [`It is not JSON; a right one is, for example, ${EXAMPLE}.`] };
  }
  if (!isObject(json)) {
    return { policies, problems: [`It is not an object of policies by name, such as ${EXAMPLE}.`] };
  }
  const problems = duplicateMembers(text).map(
    (name) => `${printable(name, 80)} is there twice, and only one of them would count.`,
  );
  for (const [name, policy] of Object.entries(json)) {
    const shown = printable(name, 80);
    if (!NAME.test(name)) {
      problems.push(`"${shown}" is no name: use 1 to 64 letters, digits, "-" and "_" of ASCII.`);
    }
    if (isObject(policy)) problems.push(...problemsOf(policy).map((problem) => `${shown}: ${problem}`));
    else
      problems.push(`${shown} is not an object; where nothing more than the settings is asked for, say {}.`);
    policies.set(name, isObject(policy) ? requirementsOf(policy) : {});
  }
  return { policies, problems };
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function problemsOf(policy: Members): string[] {
  return Object.entries(policy).flatMap(([member, value]) => {
    if (LISTS.some((name) => name === member)) return scopeProblems(member, value);
    if (SWITCHES.some((name) => name === member)) {
      return typeof value === 'boolean' ? [] : [`"${member}" is neither true nor false.`];
    }
    // The names of settings are in capitals, and so are compared.
    const capitals = MEMBERS.map((name) => name.replace(/(?=[A-Z])/g, '_').toUpperCase());
    const nearest = MEMBERS[capitals.indexOf(nearestName(member.slice(0, 80), capitals))] ?? '';
    return [`"${printable(member, 80)}" means nothing; the nearest one that does is "${nearest}".`];
  });
}

function scopeProblems(member: string, value: unknown): string[] {
  if (!Array.isArray(value)) return [`"${member}" is not a list of scopes, such as ["reports:read"].`];
  if (value.length === 0) return [`"${member}" is empty; leave it out where no scope is asked for.`];
  return value.flatMap((scope: unknown) =>
    typeof scope === 'string' && SCOPE.test(scope)
      ? []
      : [
          `"${member}" has ${printable(JSON.stringify(scope), 80)}, which is no scope: write each as a text of its own, without blanks.`,
        ],
  );
}

/** The members that are right; with the others the file is refused. */
function requirementsOf(policy: Members): Requirements {
  const own = (name: string): unknown => (Object.hasOwn(policy, name) ? policy[name] : undefined);
  return Object.freeze({
    ...(Array.isArray(own('scopes')) && { scopes: own('scopes') as string[] }),
    ...(Array.isArray(own('anyScope')) && { anyScope: own('anyScope') as string[] }),
    ...(own('clients') === true && { clients: true as const }),
    ...(own('optional') === true && { optional: true as const }),
  });
}
