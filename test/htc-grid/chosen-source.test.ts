/** A source that tells of a whole grid: attached anew, lost, taken again, and what is said where something is missing. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { GridError } from '../../src/errors.js';
import { ChosenSource } from '../../src/grids/htc-grid/push/chosen-source.js';
import type { Push, PushSink } from '../../src/grids/htc-grid/push/push.js';
import { PollSource } from '../../src/grids/htc-grid/poll-source.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import { HandClock } from '../streams/hand-clock.js';

interface Attachment {
  readonly sink: PushSink;
  readonly signal: AbortSignal;
  readonly from: string | undefined;
  readonly attached: () => void;
  readonly refused: (error: Error) => void;
}

const gone = (what: string) => new GridError('UNAVAILABLE', what);
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

function world() {
  const clock = new HandClock();
  const attachments: Attachment[] = [];
  const push: Push = {
    ...{ kind: 'STREAMS', what: 'a stream', beside: 'STREAM', place: 'here' },
    attach: (sink, signal, from) =>
      new Promise((attached, refused) =>
        attachments.push({ sink, signal, from, attached, refused }),
      ),
  };
  const interrupted = vi.fn();
  const poll = new PollSource({ reader: new TableReader({} as never), clock });
  const source = new ChosenSource({ poll, pushes: [push], interrupted, clock });
  const end = new AbortController();
  closing.push(() => {
    end.abort();
    source.stop();
  });
  const attachment = async (index: number) => {
    await vi.waitFor(() => {
      expect(attachments.length).toBeGreaterThan(index);
    });
    return attachments[index] as Attachment;
  };
  return { clock, source, attachments, attachment, interrupted, signal: end.signal };
}

/** With a first attachment, and a second one under way from a place that was given. */
async function rewinding() {
  const made = world();
  const { source, signal, attachment } = made;
  const held = source.holdAll(signal);
  const first = await attachment(0);
  first.attached();
  await held;
  const again = source.holdAll(signal, 'there');
  const second = await attachment(1);
  return { ...made, first, second, again };
}

describe('a source that is attached anew', () => {
  it('is not lost with the attachment of before', async () => {
    const { source, first, second, again } = await rewinding();
    second.attached();
    await again;
    expect([second.from, first.signal.aborted]).toEqual(['there', true]);
    first.sink.lost(gone('late'));
    expect([source.gridWide, second.signal.aborted]).toEqual([true, false]);
  });

  it('stays where the one before was lost meanwhile, and the one between did not come about', async () => {
    const { clock, source, attachment, first, second, again } = await rewinding();
    first.sink.lost(gone('away'));
    expect(source.gridWide).toBe(false);
    await clock.advance(1000);
    const third = await attachment(2);
    third.attached();
    await clock.advance(0);
    expect([third.from, source.gridWide]).toEqual(['there', true]);
    second.refused(gone('refused'));
    await again;
    expect([source.gridWide, third.signal.aborted]).toEqual([true, false]);
  });

  it('is left where that fails: the next one begins at the place that was given', async () => {
    const { clock, source, attachment, second, again } = await rewinding();
    second.refused(gone('refused'));
    await again;
    expect([source.gridWide, source.place]).toEqual([false, undefined]);
    await clock.advance(1000);
    expect((await attachment(2)).from).toBe('there');
  });
});

describe('what is missing of a whole grid', () => {
  it('is said where the source was away for too long', async () => {
    const { clock, source, attachments, interrupted, second, again } = await rewinding();
    second.attached();
    await again;
    second.sink.lost(gone('away'));
    // Each try fails for not being answered.
    const places = new Set<string | undefined>();
    for (let index = 2; !places.has(undefined); index++) {
      while (attachments.length <= index) await clock.advance(1000);
      places.add(attachments[index]?.from);
    }
    attachments.at(-1)?.attached();
    await clock.advance(0);
    expect([...places]).toEqual(['here', undefined]);
    expect([source.place, interrupted.mock.calls.length]).toEqual(['here', 1]);
  });

  it('is said where the source says that it missed something', async () => {
    const { clock, interrupted, second, again } = await rewinding();
    second.attached();
    await again;
    second.sink.missed('trimmed');
    expect(interrupted).toHaveBeenCalledTimes(1);
    // Of all that comes at once, once more.
    for (let count = 0; count < 5; count++) second.sink.missed('trimmed');
    await clock.advance(2000);
    expect(interrupted).toHaveBeenCalledTimes(2);
    await clock.advance(10_000);
    expect(interrupted).toHaveBeenCalledTimes(2);
  });
});
