// A process of its own: one contestant in one framework. `start` and `stop` messages frame what is measured, `profile`
// and `profiled` what is profiled, `watch` and `watched` for how long the event loop was held up; `collect` has all garbage
// collected.
import { Session } from 'node:inspector/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate } from 'node:timers';
import { FRAMEWORKS } from './frameworks.mjs';

const { framework, contestant, mode, url, pem } = JSON.parse(process.argv[2]);
const { guardOf } = await import(`./${contestant}.mjs`);
const guarded = await guardOf(mode, { url, pem }, framework);
const server = await FRAMEWORKS[framework](guarded);

let cpu;
let loop;
let session;
let delay;
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
  } else if (message === 'collect') {
    // Later: a message comes within process.nextTick, and what that has made would be kept alive.
    setImmediate(() => {
      globalThis.gc();
      process.send('collected');
    });
  } else if (message === 'watch') {
    delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    process.send('watching');
  } else if (message === 'watched') {
    delay.disable();
    process.send({ p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 });
  } else {
    process.exit();
  }
});
process.on('disconnect', () => process.exit());
process.send({ url: `http://127.0.0.1:${server.address().port}/me` });
