import { expect, it } from 'vitest';
import { testsByThreat } from '../scripts/threat-rows.ts';

/**
 * The threats that touch what is built, by the ids of the project's list: R request, B base64 second try, A call to the
 * authorization server, I its answer, J signed and encrypted answers, K signing keys, U users, P what is published, E logs
 * and errors, X start and end. A capability adds its rows here.
 */
const ROWS = [
  ...['R1', 'R2', 'R3', 'R4', 'R5', 'R6', 'R7', 'R8', 'R9', 'R10', 'R11'],
  ...['B1', 'B2', 'B3', 'B4'],
  ...['A1', 'A2', 'A3', 'A4', 'A5', 'A6', 'A7', 'A8', 'A9', 'A10', 'A11', 'A12', 'A14'],
  ...['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8', 'I9', 'I10', 'I11', 'I12', 'I13', 'I14', 'I15'],
  ...['J1', 'J2', 'J3', 'J4', 'J5', 'J6', 'J7', 'J8', 'J9', 'J10', 'J12', 'J13'],
  ...['K1', 'K2', 'K3', 'K4', 'K5', 'K6', 'K7'],
  ...['U1', 'U2', 'U3', 'U4', 'U5', 'U6', 'U7', 'U8', 'U9', 'U10'],
  ...['P1', 'P2', 'P3', 'P5'],
  ...['E1', 'E2', 'E4', 'E6'],
  ...['X1', 'X2', 'X3', 'X4', 'X5', 'X6', 'X7', 'X8'],
];

it('every threat that touches what is built has a test that names it', () => {
  const named = testsByThreat();
  expect(ROWS.filter((id) => !named.has(id))).toEqual([]);
});
