/** A stream that ends the moment it is told to, however long its source takes to notice. */

/**
 * `return()` settles at once, and so does a `next()` that is under way: an async generator would
 * queue the return behind it, and a quiet stream would never end. `onReturn` tells the source.
 */
export function endsAtOnce<T>(source: AsyncGenerator<T>, onReturn: () => void): AsyncGenerator<T> {
  const done = { done: true, value: undefined } as const;
  let ended = false;
  let settle: ((result: IteratorResult<T>) => void) | undefined;

  const finish = (): void => {
    if (ended) return;
    ended = true;
    onReturn();
    settle?.(done);
    // Nobody waits for the source any more; what it throws while ending changes nothing.
    void Promise.resolve(source.return(undefined)).catch(() => undefined);
  };

  return {
    next() {
      if (ended) return Promise.resolve(done);
      return new Promise((resolve, reject) => {
        settle = resolve;
        source.next().then(resolve, (error: unknown) => {
          // After the end this is the echo of the abort.
          if (ended) resolve(done);
          else reject(error instanceof Error ? error : new Error(String(error)));
        });
      });
    },
    async return() {
      finish();
      return done;
    },
    async throw(error) {
      finish();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      finish();
    },
  };
}
