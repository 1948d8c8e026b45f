/** The schedd of the embedded pool: what happens to a job from submission until it leaves the queue. */
import type { AdValue } from '../../../classad/ad.js';
import type { Clock } from '../../../streams/clock.js';
import type { JobKey } from '../../jobs.js';
import { adOf, type Attributes } from './attributes.js';
import { countedHold, heldFor, type Hold, notHeld } from './hold.js';
import { History } from './history.js';
import { Job, status, type Status } from './job.js';
import type { Journal } from './journal.js';
import { onExit, periodic } from './policy.js';
import { Queue } from './queue.js';
import { defined, identityOf, printed, usageOf } from './recorded.js';
import { seconds, type Slot, type Slots } from './slots.js';
import type { Exit, Refusal, Starter } from './starter.js';

export interface ScheddSettings {
  /** Its full name. */
  readonly name: string;
  readonly clock: Clock;
  readonly slots: Slots;
  readonly starter: Starter;
  readonly journal: Journal;
  /** Jobs in the queue at most. */
  readonly queueLimit: number;
  /** Jobs that the history keeps. */
  readonly historyLimit: number;
  /** From SIGTERM to SIGKILL for a job that is held or removed. */
  readonly killGraceMs: number;
  /** Called when a job may have become startable, or a slot free. */
  readonly wake: () => void;
}

export class Schedd {
  readonly queue: Queue;
  readonly history: History;
  #lastCluster = 0;
  #stopped = false;

  constructor(readonly settings: ScheddSettings) {
    this.queue = new Queue(settings.queueLimit);
    this.history = new History(settings.historyLimit);
  }

  get nextCluster(): number {
    return this.#lastCluster + 1;
  }

  /** Queues a cluster: one ad a job, without what the schedd itself sets. */
  submit(ads: readonly Attributes[]): readonly JobKey[] {
    this.queue.room(ads.length);
    const clusterId = (this.#lastCluster += 1);
    const now = this.#now();
    return ads.map((ad, procId) => {
      const key = { schedd: this.settings.name, clusterId, procId };
      const job = new Job(key, adOf({ ...ad, ...identityOf(key, now) }));
      this.queue.add(job);
      if (job.startable) this.queue.wait(job);
      this.#tell('SUBMITTED', job, { SubmitHost: this.settings.name });
      this.settings.wake();
      return key;
    });
  }

  /** Puts the job into a slot that was claimed for it. */
  start(job: Job, slot: Slot): void {
    const { clock, starter } = this.settings;
    this.queue.unwait(job);
    const startedAt = clock.now();
    const run = starter.start(job.ad, slot.name);
    const unwatch = run.started ? this.#watch(job) : () => undefined;
    job.activation = { run, slot, startedAt, unwatch };
    if (run.started) {
      const now = seconds(startedAt);
      this.#enter(job, status.running, {
        ...job.up('NumJobStarts', 'NumShadowStarts', 'NumJobMatches', 'JobRunCount'),
        JobStartDate: job.ad.number('JobStartDate') ?? now,
        JobCurrentStartDate: now,
        JobCurrentStartExecutingDate: now,
        LastMatchTime: now,
        RemoteHost: slot.name,
        CurrentHosts: 1,
        CpusProvisioned: slot.total.cpus,
        MemoryProvisioned: slot.total.memoryMb,
        DiskProvisioned: slot.total.diskKb,
      });
      this.#tell('STARTED', job, { SlotName: slot.name, ExecuteHost: slot.name });
    }
    void run.ended.then((end) => this.#ended(job, end));
  }

  /** Stops the job where it runs; it waits until it is released. */
  hold(job: Job, hold: Hold): void {
    this.#evict(job, hold.reason);
    const attributes = heldFor(hold);
    this.#enter(job, status.held, { ...countedHold(job, hold.code), ...attributes });
    this.#tell('HELD', job, attributes);
  }

  release(job: Job, reason: string): void {
    const { ad } = job;
    this.#enter(job, status.idle, {
      ...notHeld,
      LastHoldReason: ad.get('HoldReason'),
      LastHoldReasonCode: ad.get('HoldReasonCode'),
      LastHoldReasonSubCode: ad.get('HoldReasonSubCode'),
      ReleaseReason: reason,
    });
    this.#tell('RELEASED', job, { Reason: reason });
  }

  /** It leaves the queue once its processes are gone. */
  remove(job: Job, reason: string): void {
    this.#evict(job, reason);
    this.#enter(job, status.removed, { RemoveReason: reason });
    if (job.activation === undefined) this.#leave(job);
  }

  edit(job: Job, attributes: Attributes): void {
    const waits = job.startable;
    if (waits) this.queue.unwait(job);
    job.set(attributes);
    if (waits) this.queue.wait(job);
    this.#tell('EDITED', job, { attributes: Object.keys(attributes) });
    this.settings.wake();
  }

  /** What the jobs' own periodic expressions ask for, and whether a completed one may go: a job a step. */
  *applyPolicies(): Generator<void> {
    for (const job of [...this.queue.all]) {
      yield;
      if (this.queue.get(job.key) !== job) continue;
      const wish = periodic(job);
      if (wish === undefined) continue;
      switch (wish.kind) {
        case 'HOLD':
          this.hold(job, wish);
          break;
        case 'RELEASE':
          this.release(job, wish.reason);
          break;
        case 'REMOVE':
          this.remove(job, wish.reason);
          break;
        case 'LEAVE':
          this.#toHistory(job);
          break;
        default:
          wish satisfies never;
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { activation } of this.queue.all) activation?.unwatch();
    await this.settings.starter.stop();
  }

  #ended(job: Job, end: Exit | Refusal): void {
    const { activation } = job;
    if (activation === undefined || this.#stopped) return;
    activation.unwatch();
    job.activation = undefined;
    this.settings.slots.release(activation.slot, this.settings.clock.now());
    this.settings.wake();
    if ('errno' in end) return this.#refused(job, end);
    const usage = usageOf(job, activation, this.settings.clock.now(), end.usage);
    job.set({ ...usage, ...printed(end) });
    if (job.status === status.removed) this.#leave(job);
    else if (job.status === status.running) this.#finish(job, end);
    else if (job.startable) this.queue.wait(job);
  }

  #refused(job: Job, { message, errno }: Refusal): void {
    if (job.status === status.removed) return this.#leave(job);
    if (job.status !== status.idle) return;
    const command = job.ad.string('Cmd') ?? '';
    const reason = `Error from the embedded pool: Failed to execute '${command}': ${message}`;
    this.hold(job, { reason, code: 6, subCode: errno });
  }

  /** The job ended by itself: its own policy says whether that is the end, a hold, or another run. */
  #finish(job: Job, { code, signal }: Exit): void {
    const now = this.#now();
    const how: Attributes =
      signal === null
        ? { ExitBySignal: false, ExitCode: code ?? 0, ExitSignal: undefined }
        : { ExitBySignal: true, ExitSignal: signal, ExitCode: undefined };
    const toE = { Who: 'itself', How: 'OF_ITS_OWN_ACCORD', HowCode: 0, When: now };
    job.set({
      ...how,
      ...job.up('NumJobCompletions'),
      ToE: { ...toE, ...(defined(how) as Record<string, AdValue>) },
    });
    const next = onExit(job);
    if (next.kind === 'HOLD') return this.hold(job, next);
    if (next.kind === 'REQUEUE') {
      const detail = { Reason: 'The job is to run again', TerminatedAndRequeued: true };
      this.#enter(job, status.idle, {});
      return this.#tell('EVICTED', job, detail);
    }
    this.#enter(job, status.completed, { CompletionDate: now, TerminationPending: true });
    this.#tell('TERMINATED', job, {
      TerminatedNormally: signal === null,
      ...(signal === null ? { ReturnValue: code } : { TerminatedBySignal: signal }),
    });
    if (next.stays) this.settings.journal.complete(job, this.settings.clock.now());
    else this.#leave(job, 'told');
  }

  #leave(job: Job, terminated?: 'told'): void {
    if (terminated === undefined)
      this.#tell('REMOVED', job, { Reason: job.ad.get('RemoveReason') });
    this.#toHistory(job);
    this.settings.journal.complete(job, this.settings.clock.now());
  }

  #toHistory(job: Job): void {
    this.queue.delete(job);
    this.history.add(job);
  }

  #evict(job: Job, reason: string): void {
    if (job.status !== status.running) return;
    job.activation?.unwatch();
    job.activation?.run.kill(this.settings.killGraceMs);
    this.#tell('EVICTED', job, { Reason: reason, TerminatedAndRequeued: false });
  }

  #enter(job: Job, next: Status, attributes: Attributes): void {
    if (job.startable) this.queue.unwait(job);
    job.set({
      ...attributes,
      JobStatus: next,
      LastJobStatus: job.status,
      EnteredCurrentStatus: this.#now(),
    });
    if (!job.startable) return;
    this.queue.wait(job);
    this.settings.wake();
  }

  /** Holds the job when it runs longer than it was allowed to. */
  #watch(job: Job): () => void {
    const { clock } = this.settings;
    const watches = durations.flatMap(({ attribute, code, what }) => {
      const limit = job.ad.number(attribute);
      if (limit === null || !(limit > 0)) return [];
      const reason = `The job exceeded allowed ${what} of ${limit} seconds`;
      return [clock.after(limit * 1000, () => this.hold(job, { reason, code, subCode: 0 }))];
    });
    return () => watches.forEach((cancel) => cancel());
  }

  #tell(
    type: Parameters<Journal['tell']>[0],
    job: Job,
    detail: Readonly<Record<string, unknown>>,
  ): void {
    this.settings.journal.tell(type, job, this.settings.clock.now(), detail);
  }

  #now(): number {
    return seconds(this.settings.clock.now());
  }
}

const durations = [
  { attribute: 'AllowedJobDuration', code: 46, what: 'job duration' },
  { attribute: 'AllowedExecuteDuration', code: 47, what: 'execute duration' },
] as const;
