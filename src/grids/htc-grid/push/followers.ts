/** Who follows which session, and is told of its changes. */
import type { TaskChange } from '../change.js';
import type { Follower } from '../completion-source.js';

export class Followers {
  readonly #bySession = new Map<string, Set<Follower>>();

  /** Sessions that are followed. */
  get size(): number {
    return this.#bySession.size;
  }

  has(session: string): boolean {
    return this.#bySession.has(session);
  }

  /** Until `signal` is aborted. */
  add(session: string, follower: Follower, signal: AbortSignal): void {
    const followers = this.#bySession.get(session) ?? new Set();
    this.#bySession.set(session, followers.add(follower));
    const leave = () => {
      followers.delete(follower);
      if (followers.size === 0 && this.#bySession.get(session) === followers)
        this.#bySession.delete(session);
    };
    signal.addEventListener('abort', leave, { once: true });
  }

  /** Each is told of its session at once. */
  tell(changes: readonly TaskChange[]): void {
    const bySession = new Map<string, TaskChange[]>();
    for (const change of changes) {
      if (!this.#bySession.has(change.sessionId)) continue;
      const own = bySession.get(change.sessionId);
      if (own === undefined) bySession.set(change.sessionId, [change]);
      else own.push(change);
    }
    for (const [session, own] of bySession)
      for (const follower of this.#bySession.get(session) ?? []) follower.changes(own);
  }
}
