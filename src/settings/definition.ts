import type { Format } from './formats.ts';

/** What is known about one setting. Its name is also the name of its environment variable. */
export interface SettingDefinition {
  /** What it means, in Markdown. */
  readonly doc: string;
  readonly format: Format<unknown>;
  /** Its value where it is not set; `undefined` where there is none. */
  readonly default: unknown;
  /** A right value, as it is written in the environment. */
  readonly example: string;
  /** Its value is a secret: it is handed on as a `Secret`. */
  readonly sensitive?: true;
  /** Its value may stand in the file that `X_FILE` names. */
  readonly file?: true;
  /** It is this package's own, and not in django-lasuite or the applications built on it. */
  readonly ours?: true;
}
