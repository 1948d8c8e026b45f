/** One who looks jobs up: has an answer as soon as each of its jobs is known, and may leave before. */
import type { Projection } from '../../query/plan.js';
import type { JobKey, JobRow } from '../jobs.js';
import { nameOf } from './job-search.js';

/** An error is that of the job's schedd. */
export type Found = JobRow | Error | undefined;

type End = 'answered' | 'left';

export class LookupCaller {
  readonly answer: Promise<readonly Found[]>;
  private readonly found = new Map<string, JobRow | Error>();
  private readonly unknown: Set<string>;
  private resolve: (found: readonly Found[]) => void = () => undefined;
  private reject: (error: unknown) => void = () => undefined;
  private end: End | undefined;
  private readonly atEnd: ((end: End) => void)[] = [];

  constructor(
    readonly keys: readonly JobKey[],
    readonly projection: Projection,
  ) {
    this.unknown = new Set(keys.map(nameOf));
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  get waits(): boolean {
    return this.end === undefined;
  }

  /** Called once, when it has its answer or leaves. */
  onEnd(act: (end: End) => void): void {
    this.atEnd.push(act);
  }

  missing(): readonly JobKey[] {
    return this.keys.filter((key) => this.unknown.has(nameOf(key)));
  }

  tell(name: string, found: JobRow | Error): void {
    this.found.set(name, found);
    this.unknown.delete(name);
    if (this.unknown.size === 0) this.answerNow();
  }

  /** What is still missing is nowhere. */
  answerNow(): void {
    this.resolve(this.keys.map((key) => this.found.get(nameOf(key))));
    this.ended('answered');
  }

  leave(reason: unknown): void {
    this.reject(reason);
    this.ended('left');
  }

  private ended(end: End): void {
    if (!this.waits) return;
    this.end = end;
    for (const act of this.atEnd) act(end);
  }
}
