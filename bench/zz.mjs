// scratch: A/B of variants
import { generateKeyPairSync } from 'node:crypto';
import { fork } from 'node:child_process';
import { load, checkDecisions } from './requests/load.mjs';
import { ask, pin, start, stop, stopAll } from './requests/processes.mjs';
const [framework, variants, rounds = '9', mode='cached', profile] = process.argv.slice(2);
pin(1);
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
const as = await start('authorization-server.mjs', 1, publicKey.export({ type: 'spki', format: 'pem' }));
const runs = [];
for (const v of variants.split(',')) {
  const [contestant, variant = ''] = v.split(':');
  process.env.V = variant;
  const s = await start('server.mjs', 0, JSON.stringify({ framework, contestant, mode: contestant === 'bare' ? 'none' : mode, url: as.url, pem }));
  runs.push({ v, ...s, cpu: [], rate: [] });
}
try {
for (const r of runs) await load(r.url, 3);
for (let i = 0; i < +rounds; i++) for (let k = 0; k < runs.length; k++) { const r = runs[(i + k) % runs.length];
  r.child.send('start'); const { answered, seconds } = await load(r.url, 0.5); const { cpuMs } = await ask(r.child, 'stop');
  r.cpu.push(cpuMs * 1000 / answered); r.rate.push(answered / seconds); }
const med = (a) => a.toSorted((x, y) => x - y)[a.length >> 1];
for (const r of runs) console.log(r.v.padEnd(24), 'cpu', med(r.cpu).toFixed(1), 'min', Math.min(...r.cpu).toFixed(1), 'rate', med(r.rate).toFixed(0), 'vs hand', (med(r.rate.map((x, i) => x / (runs.find(q=>q.v==='hand-written')??runs[0]).rate[i])) * 100).toFixed(0) + '%', 'share', (med(r.rate.map((x, i) => x / runs[0].rate[i])) * 100).toFixed(0) + '%');
if (profile) { const r = runs.at(-1); await ask(r.child, 'profile'); await load(r.url, 4); const p = await ask(r.child, 'profiled'); (await import('node:fs')).writeFileSync('/tmp/try/prof/p.cpuprofile', JSON.stringify(p)); }
} finally { await stopAll(); }
