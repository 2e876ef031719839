import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { build, type BuildOptions, type Metafile } from 'esbuild';
import { ROOT } from './built-package.ts';

const START_TIMEOUT_MS = 60_000;
// docs/guides/bundling.md says why.
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** Copies the programs of `apps/` to where they find the packed package, and bundles some of them. */
export async function bundle(
  workplace: string,
  entries: readonly string[],
  options: BuildOptions & { format: 'esm' | 'cjs'; outdir: string },
): Promise<Metafile> {
  const sources = mkdtempSync(join(workplace, 'apps-'));
  cpSync(join(ROOT, 'test/package/apps'), sources, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: sources,
    entryPoints: entries.map((entry) => resolve(sources, entry)),
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    metafile: true,
    logLevel: 'error',
    tsconfigRaw: '{}',
    outExtension: { '.js': options.format === 'esm' ? '.mjs' : '.cjs' },
    ...(options.format === 'esm' && { banner: { js: REQUIRE } }),
    ...options,
  });
  if (metafile === undefined) throw new Error('esbuild has not said what it put into the bundle');
  return metafile;
}

/** Modules that contribute to a bundle, by the ends of their paths. */
export function modulesIn(metafile: Metafile): string[] {
  const outputs = Object.values(metafile.outputs);
  return outputs.flatMap(({ inputs }) =>
    Object.entries(inputs)
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([path]) => path.replace(/^.*node_modules\//, '')),
  );
}

/** A program that runs. */
export interface Running {
  /** Undefined where the program ended without listening. */
  readonly origin: string | undefined;
  /** What it has printed so far, line by line. */
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

/** Runs a bundle in a folder of its own, until it listens or ends. */
export async function run(file: string, cwd: string, env: Record<string, string>): Promise<Running> {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, [file], {
    cwd,
    env: { PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: START_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const exited = once(child, 'exit');
  const lines: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => lines.push(...chunk.toString().split('\n')));
  const stop = async (): Promise<void> => {
    child.kill();
    await exited;
  };
  const output = createInterface(child.stdout);
  const listening = new Promise<string | undefined>((settle) => {
    output.on('line', (line) => {
      lines.push(line);
      const origin = /^Listening on (\S+)$/.exec(line)?.[1];
      if (origin !== undefined) settle(origin);
    });
    // Not `exit`: what was printed may still be on its way then.
    output.on('close', () => {
      settle(undefined);
    });
  });
  return { origin: await listening, lines, stop };
}
