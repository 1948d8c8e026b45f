/** One stream and those who follow it: each of its frames is executed and encoded once, and written to all of them. */
import {
  createSourceEventStream,
  execute,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLFormattedError,
} from 'graphql';
import { covers, type StreamResume } from '../../streams/index.js';
import { clientGone } from '../operation.js';
import { inSlices } from '../slices.js';
import { EncodedFrame } from './encoded-frame.js';
import type { Followed, Member, StreamedFrame } from './member.js';
import { RecentFrames } from './recent-frames.js';

/** What equal subscriptions have in common. */
export interface StreamPlan {
  readonly key: string;
  readonly args: Omit<ExecutionArgs, 'contextValue'>;
  readonly context: (signal: AbortSignal, resume: StreamResume | undefined) => unknown;
  readonly format: (error: unknown) => GraphQLFormattedError;
}

/** What concerns other streams too. */
export interface StreamHost {
  /** It is live and stands at its cursor: others may be joined with it, or it with another. */
  current(stream: Stream): void;
  /** The member lags too far: it needs a stream of its own, from its cursor on. */
  leftBehind(stream: Stream, member: Member): void;
  /** Nobody else is to be joined with it. */
  over(stream: Stream): void;
}

export interface StreamOptions {
  readonly resume?: StreamResume;
  /** Its members know that they are current. */
  readonly synced?: boolean;
  /** It says END and nothing else. */
  readonly ending?: boolean;
  /** Where its members go on from `resume.until`. */
  readonly onto?: Place;
}

/** Frames that a stream keeps, from a number on, for who is on its way to them. */
export interface Place {
  readonly stream: Stream;
  readonly at: number;
}

export class Stream implements Followed {
  /** Of its last frame. */
  cursor: string | undefined;
  /** Whether that frame was current. */
  live = false;
  /** Its events are no frames: nobody can go on elsewhere. */
  foreign = false;
  /** Those who have every frame so far, and those whose peers do not read them. */
  readonly #current = new Set<Member>();
  readonly #lagging = new Set<Member>();
  readonly #places = new Set<Place>();
  readonly #recent = new RecentFrames();
  readonly #abort = new AbortController();
  #args: ExecutionArgs | undefined;
  #source: AsyncIterator<unknown> | undefined;
  /** The number of the next frame. */
  #next = 0;
  #synced: boolean;
  #onto: Place | undefined;
  #over: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(
    readonly plan: StreamPlan,
    private readonly host: StreamHost,
    private readonly options: StreamOptions = {},
  ) {
    this.#synced = options.synced ?? false;
    this.#onto = options.onto;
  }

  get closed(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Whether all who follow it have every frame. One that stands apart has a single member, so no write is half done. */
  get together(): boolean {
    return this.#lagging.size === 0;
  }

  /** Asks for the events; gives back why there are none. */
  async open(): Promise<ExecutionResult | undefined> {
    const { args, context } = this.plan;
    this.#args = { ...args, contextValue: context(this.#abort.signal, this.options.resume) };
    const opened = await createSourceEventStream(this.#args);
    if (!(Symbol.asyncIterator in opened)) return opened;
    this.#source = opened[Symbol.asyncIterator]();
    if (this.closed) this.#returnSource();
    return undefined;
  }

  /** Until it is over or nobody follows it any more. Never rejects. */
  async run(): Promise<void> {
    try {
      for (;;) {
        await this.#somebodyReads();
        if (this.closed) return;
        const step = await this.#source?.next();
        if (this.closed) return;
        if (step === undefined || step.done === true) break;
        await this.#take(step.value);
        if (this.options.ending) break;
      }
      this.#finish({});
    } catch (error) {
      if (!this.closed) this.#finish({ error });
    }
  }

  /** `open` and `run` for members who have been following. */
  async goOn(): Promise<void> {
    try {
      const refused = await this.open();
      if (refused) return this.#finish({ error: refused.errors?.[0] });
    } catch (error) {
      return this.#finish({ error });
    }
    await this.run();
  }

  /** Somebody who has every frame so far. */
  add(member: Member): void {
    member.of = this;
    member.at = this.#next;
    this.#current.add(member);
    this.#wake?.();
  }

  remove(member: Member): void {
    this.#current.delete(member);
    this.#lagging.delete(member);
    this.#closeIfLeft();
  }

  /** Everybody goes over to a stream that stands where this one does. */
  moveTo(stream: Stream): void {
    for (const member of this.#current) stream.add(member);
    this.#current.clear();
    this.#closeIfLeft();
  }

  reserve(): Place {
    const place = { stream: this, at: this.#next };
    this.#places.add(place);
    return place;
  }

  release(place: Place): void {
    this.#places.delete(place);
    this.#closeIfLeft();
  }

  /** Takes in somebody for whom a place is kept, but for the frames whose news it has. */
  admit(member: Member, { at }: Place, has: (frame: StreamedFrame) => boolean): void {
    member.of = this;
    member.at = at;
    for (let frame; (frame = this.#recent.get(member.at)) && has(frame);) member.at += 1;
    this.#lagging.add(member);
    this.#catchUp(member);
  }

  close(): void {
    if (this.closed) return;
    this.#abort.abort(clientGone);
    this.#returnSource();
    this.#recent.clear();
    this.#leaveOnto();
    this.#wake?.();
    this.host.over(this);
  }

  #closeIfLeft(): void {
    if (this.#current.size + this.#lagging.size + this.#places.size === 0) this.close();
  }

  #returnSource(): void {
    // Nobody waits for it any more; what it throws while ending changes nothing.
    void this.#source?.return?.()?.catch(() => undefined);
    this.#source = undefined;
    this.#args = undefined;
  }

  #leaveOnto(): void {
    const place = this.#onto;
    this.#onto = undefined;
    place?.stream.release(place);
  }

  /** Nothing is asked for that nobody would take: who does not read holds a position, no queue. */
  async #somebodyReads(): Promise<void> {
    while (!this.closed) {
      for (const member of this.#current) {
        if (member.outlet.ready) return;
        this.#lag(member);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #take(event: unknown): Promise<void> {
    const { cursor, kind, live } = headOf(event);
    if (this.options.ending && kind !== 'END') return;
    this.foreign = cursor === undefined;
    if (kind === 'SYNCED' && this.#synced) {
      for (const member of this.#current) member.cursor = cursor;
    } else {
      if (this.#args === undefined) return;
      const result = await execute({ ...this.#args, rootValue: event });
      if (this.closed) return;
      if (kind === 'SYNCED') this.#synced = true;
      if (kind === 'GAP' || kind === 'SNAPSHOT') this.#synced = false;
      // It does not lead where it was to lead.
      if (kind === 'GAP' || kind === 'END') this.#leaveOnto();
      this.cursor = cursor;
      this.live = live;
      const encoded = new EncodedFrame(result, this.plan.format);
      await this.#write({ encoded, cursor, kind });
    }
    this.cursor = cursor;
    this.live = live;
    if (live && !this.closed) this.host.current(this);
  }

  async #write(frame: StreamedFrame): Promise<void> {
    const at = this.#next;
    this.#next += 1;
    this.#recent.push(at, frame);
    await inSlices([...this.#current], (member) => {
      if (member.of !== this || member.at !== at) return;
      if (member.outlet.ready) this.#give(member, frame);
      else this.#lag(member);
    });
    if (this.#lagging.size + this.#places.size === 0) this.#recent.clear();
  }

  #give(member: Member, frame: StreamedFrame): void {
    member.at += 1;
    member.write(frame);
  }

  #lag(member: Member): void {
    this.#current.delete(member);
    this.#lagging.add(member);
    member.outlet.onReady(() => this.#catchUp(member));
  }

  #catchUp(member: Member): void {
    if (!this.#lagging.has(member)) return;
    while (member.at < this.#next) {
      const frame = this.#recent.get(member.at);
      if (frame === undefined) return this.host.leftBehind(this, member);
      if (!member.outlet.ready) return member.outlet.onReady(() => this.#catchUp(member));
      this.#give(member, frame);
    }
    this.#lagging.delete(member);
    this.#current.add(member);
    if (this.#over) this.#dismiss(member, this.#over);
    else this.#wake?.();
  }

  #finish(over: { readonly error?: unknown }): void {
    this.#over = over;
    this.host.over(this);
    for (const member of [...this.#current]) this.#dismiss(member, over);
  }

  #dismiss(member: Member, over: { readonly error?: unknown }): void {
    const onto = 'error' in over ? undefined : this.#onto;
    if (onto === undefined) return member.end(over);
    onto.stream.admit(member, onto, ({ cursor }) => covers(member.cursor, cursor));
    this.remove(member);
  }
}

/** What events of our streams begin with. Nobody is joined behind a GAP or END: who came then would not have it. */
function headOf(event: unknown): {
  readonly cursor: string | undefined;
  readonly kind: string | undefined;
  readonly live: boolean;
} {
  const { cursor, kind, live } = (event ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof cursor !== 'string' || typeof kind !== 'string') {
    return { cursor: undefined, kind: undefined, live: false };
  }
  return { cursor, kind, live: live === true && kind !== 'GAP' && kind !== 'END' };
}
