import { describe, expect, it } from 'vitest';
import { deliveryLimits, resolveDelivery, resolveStart } from '../../src/streams/index.js';

function expectRefusal(call: () => unknown, message: RegExp): void {
  expect(call).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT' }));
  expect(call).toThrow(message);
}

describe('delivery', () => {
  it('has defaults, for what is absent and for null', () => {
    const defaults = { maxBatch: 100, maxWaitMs: 50, minIntervalMs: 0, heartbeatMs: 15_000 };
    expect(resolveDelivery(undefined)).toEqual(defaults);
    expect(resolveDelivery({ maxBatch: null, heartbeatMs: null })).toEqual(defaults);
  });

  it.each(['maxBatch', 'maxWaitMs', 'minIntervalMs', 'heartbeatMs'] as const)(
    'keeps %s within its limits and names them',
    (name) => {
      const { min, max } = deliveryLimits[name];
      const rest = { maxWaitMs: 0, minIntervalMs: 0, heartbeatMs: 0 };
      expect(resolveDelivery({ ...rest, [name]: min })[name]).toBe(min);
      expect(resolveDelivery({ ...rest, [name]: max })[name]).toBe(max);
      for (const value of [min - 1, max + 1, min + 0.5, Number.NaN]) {
        expectRefusal(
          () => resolveDelivery({ [name]: value }),
          new RegExp(`${name} is a whole number from ${min} to ${max}.*not ${value}`),
        );
      }
    },
  );

  it('follows the limits of the server where those are set', () => {
    const limits = { ...deliveryLimits, maxBatch: { default: 5, min: 1, max: 10 } };
    expect(resolveDelivery({}, limits).maxBatch).toBe(5);
    expectRefusal(() => resolveDelivery({ maxBatch: 11 }, limits), /from 1 to 10, not 11/);
  });

  it('refuses to hold frames back for longer than the stream may be silent, with both numbers', () => {
    expectRefusal(
      () => resolveDelivery({ minIntervalMs: 20_000 }),
      /minIntervalMs 20000 is above delivery.heartbeatMs 15000/,
    );
    expectRefusal(
      () => resolveDelivery({ maxWaitMs: 5_000, heartbeatMs: 1_000 }),
      /maxWaitMs 5000 is above delivery.heartbeatMs 1000/,
    );
    expect(resolveDelivery({ minIntervalMs: 20_000, heartbeatMs: 0 }).heartbeatMs).toBe(0);
  });
});

describe('a start', () => {
  it('is now by default', () => {
    for (const input of [undefined, null, {}, { now: true }, { snapshot: false, after: null }]) {
      expect(resolveStart(input)).toEqual({ kind: 'now' });
    }
    expect(resolveStart({ snapshot: true })).toEqual({ kind: 'snapshot' });
    expect(resolveStart({ after: 'x' })).toEqual({ kind: 'after', cursor: 'x' });
  });

  it('is one of three, not two', () => {
    expectRefusal(() => resolveStart({ now: true, after: '' }), /not now and after/);
    expectRefusal(() => resolveStart({ now: true, snapshot: true }), /not now and snap/);
  });
});
