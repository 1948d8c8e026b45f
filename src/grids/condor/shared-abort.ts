/** What happens when a signal is aborted: one listener for each signal, however much one request waits for. */
export class SharedAbort {
  private readonly listening = new Map<AbortSignal, Listening>();

  /** Returns the function after which it no longer happens. */
  add(signal: AbortSignal, act: () => void): () => void {
    const { acts } = this.listening.get(signal) ?? this.listen(signal);
    acts.add(act);
    return () => {
      if (acts.delete(act) && acts.size === 0) this.forget(signal);
    };
  }

  private listen(signal: AbortSignal): Listening {
    const acts = new Set<() => void>();
    // Of its own for each signal: Node 20 tells only the first listener of an event whose event it is.
    const onAbort = (): void => {
      for (const act of acts) act();
      this.forget(signal);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const listening = { acts, onAbort };
    this.listening.set(signal, listening);
    return listening;
  }

  private forget(signal: AbortSignal): void {
    const onAbort = this.listening.get(signal)?.onAbort;
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
    this.listening.delete(signal);
  }
}

interface Listening {
  readonly acts: Set<() => void>;
  readonly onAbort: () => void;
}
