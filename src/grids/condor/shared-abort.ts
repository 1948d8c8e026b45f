/** What happens when a signal is aborted: one listener for each signal, however much one request waits for. */
export class SharedAbort {
  private readonly listening = new Map<AbortSignal, Set<() => void>>();

  /** Returns the function after which it no longer happens. */
  add(signal: AbortSignal, act: () => void): () => void {
    let acts = this.listening.get(signal);
    if (acts === undefined) {
      acts = new Set();
      this.listening.set(signal, acts);
      signal.addEventListener('abort', this.onAbort, { once: true });
    }
    acts.add(act);
    return () => this.remove(signal, act);
  }

  private remove(signal: AbortSignal, act: () => void): void {
    const acts = this.listening.get(signal);
    if (!acts?.delete(act) || acts.size > 0) return;
    this.listening.delete(signal);
    signal.removeEventListener('abort', this.onAbort);
  }

  private readonly onAbort = ({ currentTarget }: Event): void => {
    const signal = currentTarget as AbortSignal;
    for (const act of this.listening.get(signal) ?? []) act();
    this.listening.delete(signal);
  };
}
