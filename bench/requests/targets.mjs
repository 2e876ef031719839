// What was aimed at, and whether it was reached.
import { median, verdict } from '../report.mjs';
import { FRAMEWORKS } from './contestants.mjs';
import { timesOf } from './shares.mjs';

/** Shares of the bare framework, by path and framework. */
const SHARES = {
  cached: { express: 0.85, fastify: 0.78, node: 0.78 },
  json: { express: 0.62, fastify: 0.27, node: 0.26 },
  jwt: { express: 0.17, fastify: 0.032, node: 0.03 },
};
const SQLITE_SHARE = 0.6;
/** How many times as fast as a neighbour, by path. */
const TIMES = {
  cached: [['fastify-jwt', '@fastify/jwt', 2]],
  json: [
    ['passport', 'passport-http-bearer and oauth4webapi', 3.3],
    ['openid-client', 'openid-client', 3.3],
  ],
  jwt: [['openid-client', 'openid-client', 1.8]],
};
/** Where a share cannot be met on a machine, this part of the hand-written guard's speed is enough. */
const BESIDE_HAND_WRITTEN = 0.95;
const PATHS = { cached: 'cached', json: 'JSON', jwt: 'RFC 9701' };

/** Makes the rows of the targets, of those that were measured. */
export function targetsOf(runs) {
  const find = (framework, contestant, mode) =>
    runs.find((run) => run.framework === framework && run.contestant === contestant && run.mode === mode);
  const rows = [];
  for (const [framework, title] of Object.entries(FRAMEWORKS)) {
    const bare = find(framework, 'bare', 'none');
    for (const mode of Object.keys(SHARES)) {
      const run = find(framework, 'ours', mode);
      const byHand = find(framework, 'hand-written', mode);
      if (run === undefined) continue;
      const wanted = SHARES[mode][framework];
      const name = `${PATHS[mode]}, ${title}: share of bare ≥ ${percent(wanted)}`;
      rows.push(shareRow({ name, wanted, run, byHand, bare }));
      for (const [peer, peerName, times] of TIMES[mode]) {
        const other = find(framework, peer, mode);
        if (other !== undefined)
          rows.push(timesRow({ title, mode, name: peerName, wanted: times, run, other, byHand }));
      }
    }
    const sqlite = find(framework, 'ours-sqlite', 'cached');
    if (sqlite !== undefined) {
      const byHand = find(framework, 'hand-written-sqlite', 'cached');
      const name = `cached, ${title}, users in SQLite: share of bare ≥ ${percent(SQLITE_SHARE)}`;
      rows.push(shareRow({ name, wanted: SQLITE_SHARE, run: sqlite, byHand, bare }));
    }
  }
  return rows;
}

function shareRow({ name, wanted, run, byHand, bare }) {
  const share = median(timesOf(run, bare));
  if (share >= wanted || byHand === undefined) {
    return { name, result: verdict(share >= wanted, percent(share)) };
  }
  const beside = median(timesOf(run, byHand));
  const measured = `${percent(share)}, ${percent(beside)} of hand-written`;
  return { name, result: verdict(beside >= BESIDE_HAND_WRITTEN, measured) };
}

function timesRow({ title, mode, name, wanted, run, other, byHand }) {
  const times = median(timesOf(run, other));
  const row = `${PATHS[mode]}, ${title}: ≥ ${wanted} × ${name}`;
  if (times >= wanted || byHand === undefined) {
    return { name: row, result: verdict(times >= wanted, `${times.toFixed(2)} ×`) };
  }
  const beside = median(timesOf(run, byHand));
  const measured = `${times.toFixed(2)} × (by hand ${median(timesOf(byHand, other)).toFixed(2)} ×), ${percent(beside)} of hand-written`;
  // The rule about what is written by hand is for shares alone.
  return { name: row, result: verdict(false, measured) };
}

function percent(value) {
  const hundred = value * 100;
  return `${hundred < 10 ? hundred.toFixed(1) : hundred.toFixed(0)} %`;
}
