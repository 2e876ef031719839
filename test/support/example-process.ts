import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CONDITIONS = '--conditions=oidc-resource-server-source';

/** A Node that strips types by itself: this one, or the one that CI names. `undefined` where there is none. */
export function typeStrippingNode(): string | undefined {
  if (process.env.NODE24_BINARY !== undefined) return process.env.NODE24_BINARY;
  const features = process.features as { typescript?: unknown };
  return features.typescript === 'strip' ? process.execPath : undefined;
}

/** The command that runs an example under a runtime. */
export function commandFor(
  runtime: 'tsx' | 'type stripping',
  file: string,
): [command: string, args: string[]] {
  if (runtime === 'tsx') return [process.execPath, ['--import', 'tsx', CONDITIONS, file]];
  return [typeStrippingNode() ?? process.execPath, [CONDITIONS, file]];
}

/** Starts an example in a process of its own and resolves with its origin once it listens. */
export async function startExample(
  runtime: 'tsx' | 'type stripping',
  file: string,
  env: Record<string, string>,
): Promise<{ origin: string; stop(): Promise<void> }> {
  const [command, args] = commandFor(runtime, file);
  const { PATH = '' } = process.env;
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { PATH, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const stop = async (): Promise<void> => {
    child.kill();
    await exited;
  };
  const listening = (async () => {
    for await (const line of createInterface(child.stdout)) {
      const port = /Listening on http:\/\/localhost:(\d+)/.exec(line)?.[1];
      if (port !== undefined) return `http://localhost:${port}`;
    }
    throw new Error(`${file} ended before it listened: ${said}`);
  })();
  const deadline = AbortSignal.timeout(15_000);
  const late = once(deadline, 'abort').then(() =>
    Promise.reject(new Error(`${file} does not listen: ${said}`)),
  );
  try {
    return { origin: await Promise.race([listening, late]), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
