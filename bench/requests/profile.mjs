// Where the time of one process goes: a CPU profile, added up by package and, for this package, by module.
import { table } from '../marked.mjs';
import { Load } from './load.mjs';
import { ask, start, stop } from './processes.mjs';

/** Loads oidc-resource-server on Express under V8's profiler, once it is warm; resolves with a table. */
export async function profileOf(surroundings, seconds) {
  const argument = JSON.stringify({
    framework: 'express',
    contestant: 'ours',
    mode: 'json',
    ...surroundings,
  });
  const { child, url } = await start('server.mjs', 0, argument);
  const load = await Load.open(url);
  await load.run(seconds);
  await ask(child, 'profile');
  await load.run(seconds);
  const profile = await ask(child, 'profiled');
  load.close();
  await stop(child);
  return shares(profile);
}

function shares({ nodes, samples, timeDeltas }) {
  const self = new Map();
  samples.forEach((id, index) => self.set(id, (self.get(id) ?? 0) + timeDeltas[index]));
  const times = new Map();
  for (const { id, callFrame } of nodes) {
    const place = placeOf(callFrame);
    if (place !== undefined) times.set(place, (times.get(place) ?? 0) + (self.get(id) ?? 0));
  }
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  const rows = [...times]
    .map(([place, time]) => [place, (time / total) * 100])
    .filter(([, share]) => share >= 0.3)
    .toSorted(([, a], [, b]) => b - a);
  return table(
    ['where', 'share of the time'],
    rows.map(([place, share]) => [place, `${share.toFixed(1)} %`]),
  );
}

function placeOf({ url, functionName }) {
  if (functionName === '(idle)' || functionName === '(root)') return undefined;
  if (functionName === '(garbage collector)') return 'garbage collection';
  const inPackage = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (inPackage !== undefined) return inPackage;
  const ours = /\/dist\/(.*)\.js$/.exec(url)?.[1];
  if (ours !== undefined) return `oidc-resource-server: ${ours}`;
  if (url.includes('/bench/')) return 'the handler';
  if (url.startsWith('node:')) {
    const module = url.slice(5);
    if (/http/.test(module)) return 'Node: HTTP';
    if (/net|stream/.test(module)) return 'Node: sockets and streams';
    if (/timers/.test(module)) return 'Node: timers';
    return 'Node: others';
  }
  return 'native code: system calls, HTTP parser, JSON, regular expressions';
}
