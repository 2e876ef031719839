// Processes of the benchmark, each on the core that it is given, where the system can do that.
import { fork, spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { clearTimeout, setTimeout } from 'node:timers';

/** Whether processes are kept on cores: it takes `taskset` and two cores. */
export const PINNED = availableParallelism() > 1 && spawnSync('taskset', ['-c', '0', 'true']).status === 0;

/**
 * A process can be told to collect its garbage, and does not do so by itself because it is idle: one with so many requests would
 * not be, and here each one waits for its turn most of the time. Optimized code is collected, too, and it comes back slow.
 */
const FLAGS = ['--expose-gc', '--no-memory-reducer'];
const started = new Set();

/** Keeps this very process, with all its threads, on a core. */
export function pin(core) {
  if (PINNED) spawnSync('taskset', ['-acp', String(core), String(process.pid)]);
}

/** Starts a script of this folder, on a core or (`undefined`) on any; resolves with its first message and the process. */
export async function start(script, core, argument) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const env = { ...process.env, NODE_ENV: 'production' };
  const child =
    PINNED && core !== undefined
      ? spawn('taskset', ['-c', String(core), process.execPath, ...FLAGS, path, argument], {
          env,
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        })
      : fork(path, [argument], { env, execArgv: FLAGS });
  started.add(child);
  child.once('exit', () => started.delete(child));
  return { child, ...(await reply(child)) };
}

/** Sends a message and resolves with the answer. */
export function ask(child, message) {
  const answer = reply(child);
  child.send(message);
  return answer;
}

/** Has a process end, and waits for it. */
export function stop(child) {
  if (!started.has(child)) return Promise.resolve();
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  return new Promise((resolve) => {
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.send('exit', () => undefined);
  });
}

/** Has all of them end. */
export async function stopAll() {
  await Promise.all([...started].map(stop));
}

function reply(child) {
  return new Promise((resolve, reject) => {
    const settle = (outcome, value) => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      outcome(value);
    };
    const onMessage = (message) => settle(resolve, message);
    const onExit = (code) => settle(reject, new Error(`A process of the benchmark ended with ${code}.`));
    const timer = setTimeout(
      () => settle(reject, new Error('A process of the benchmark gave no answer.')),
      60_000,
    );
    child.once('message', onMessage);
    child.once('exit', onExit);
  });
}
