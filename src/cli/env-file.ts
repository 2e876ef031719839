import { parseEnv } from 'node:util';

/**
 * One line of an `.env` file that `node --env-file` and this package read back to the same value; `undefined` where no
 * quotation marks make that possible.
 */
export function envLine(name: string, value: string): string | undefined {
  const oneLine = value.replaceAll('\n', '\\n');
  const plain = /^[^\s"'`#\\]+$/.test(value) ? [`${name}=${value}`] : [];
  const quoted = [`${name}='${value}'`, `${name}="${oneLine}"`, `${name}=\`${value}\``];
  return [...plain, ...(value.includes('\n') ? quoted.slice(1) : quoted)].find(
    (line) => parseEnv(line)[name] === value,
  );
}
