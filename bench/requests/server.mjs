// A process of its own: one contestant in one framework. `start` and `stop` messages frame what is measured, `profile`
// and `profiled` what is profiled.
import { Session } from 'node:inspector/promises';
import { FRAMEWORKS } from './frameworks.mjs';

const { framework, contestant, mode, url, pem } = JSON.parse(process.argv[2]);
const { guardOf } = await import(`./${contestant}.mjs`);
const guarded = await guardOf(mode, { url, pem }, framework);
const server = await FRAMEWORKS[framework](guarded, contestant === 'ours');

let cpu;
let loop;
let session;
process.on('message', async (message) => {
  if (message === 'start') {
    cpu = process.cpuUsage();
    loop = performance.eventLoopUtilization();
  } else if (message === 'stop') {
    const { user, system } = process.cpuUsage(cpu);
    process.send({ cpuMs: (user + system) / 1000, busy: performance.eventLoopUtilization(loop).utilization });
  } else if (message === 'profile') {
    session = new Session();
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: 500 });
    await session.post('Profiler.start');
    process.send('profiling');
  } else if (message === 'profiled') {
    process.send((await session.post('Profiler.stop')).profile);
  } else {
    process.exit();
  }
});
process.on('disconnect', () => process.exit());
process.send({ url: `http://127.0.0.1:${server.address().port}/me` });
