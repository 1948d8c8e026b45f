/** What health says of the source of changes: what it is, since when, and why it is no better one. */
import type { GridError } from '../../../errors.js';
import type { Component } from '../health.js';
import type { SourceChoice } from './chosen-source.js';
import type { Push } from './push.js';

/** A source that would be taken before the present one, and what came of the last try. */
export interface Better {
  readonly push: Pick<Push, 'what'>;
  readonly trouble: GridError | undefined;
}

export interface SourceView {
  readonly choice: SourceChoice;
  /** Those that may be taken, best first. */
  readonly order: readonly Pick<Push, 'what'>[];
  /** Undefined where it is the poll alone. */
  readonly present: Pick<Push, 'what'> | undefined;
  readonly better: readonly Better[];
  /** Epoch milliseconds of the last change of the source; undefined while nobody follows. */
  readonly since: number | undefined;
  /** How followed sessions are looked at besides, in words. */
  readonly pace: string;
  readonly followed: number;
}

type Health = Awaited<ReturnType<Component['check']>>;

export function sourceHealth(view: SourceView): Health {
  const isAsMeant = asMeant(view);
  return {
    status: isAsMeant ? 'OK' : 'DEGRADED',
    detail: `${detailOf(view)}${isAbsent(view) ? ` ${view.choice} was asked for, and this grid has no such source configured.` : ''}`,
    count: view.followed,
    since: isAsMeant ? null : (view.since ?? null),
  };
}

function detailOf({ order, present, better, since, pace }: SourceView): string {
  if (since === undefined) {
    const all = [...order.map(({ what }) => what), 'polling'].join(', ');
    return `No session is followed now; used is the first that works of: ${all}.`;
  }
  const what = present?.what ?? 'polling';
  const why = better.flatMap(({ push, trouble }) =>
    trouble === undefined ? [] : [` Not ${push.what}: ${trouble.message}`],
  );
  const at = new Date(since).toISOString();
  return `${what.charAt(0).toUpperCase()}${what.slice(1)}, since ${at}; each followed session is ${pace}.${why.join('')}`;
}

const isForced = ({ choice }: SourceView): boolean => choice !== 'AUTO' && choice !== 'POLL';
const isAbsent = (view: SourceView): boolean => isForced(view) && view.order.length === 0;

/** Where nothing was forced, a better source that is not there, or not allowed, is as the operator left it. */
const asMeant = (view: SourceView): boolean =>
  !isAbsent(view) &&
  view.better.every(
    ({ trouble }) =>
      trouble === undefined || (!isForced(view) && trouble.code === 'CAPABILITY_MISSING'),
  );
