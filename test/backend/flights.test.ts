import { describe, expect, it } from 'vitest';
import { Flights } from '../../src/backend/flights.ts';

describe('introspections under way (C7)', () => {
  it('are found by their keys until they have landed, however many come and go meanwhile', () => {
    const flights = new Flights<string>();
    const long = Promise.resolve('long');
    flights.set('long', long);
    for (let i = 0; i < 3000; i += 1) {
      const flight = Promise.resolve('short');
      flights.set(`short-${String(i)}`, flight);
      expect(flights.get(`short-${String(i)}`)).toBe(flight);
      expect(flights.get('long')).toBe(long);
      flights.delete(`short-${String(i)}`);
      expect(flights.get(`short-${String(i)}`)).toBeUndefined();
    }
    flights.delete('long');
    expect(flights.get('long')).toBeUndefined();
  });

  it('of the same key come one after the other', () => {
    const flights = new Flights<number>();
    for (let i = 0; i < 1500; i += 1) {
      const flight = Promise.resolve(i);
      flights.set('token', flight);
      expect(flights.get('token')).toBe(flight);
      flights.delete('token');
      expect(flights.get('token')).toBeUndefined();
    }
  });
});
