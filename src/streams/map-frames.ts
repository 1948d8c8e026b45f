/** Frames turned into others, one by one, as they are pulled. */

/**
 * Unlike an async generator with a loop inside, its `return` is not held up by a frame that may not
 * come for a long time: the source is returned at once, which ends the pull under way.
 */
export function mapFrames<From, To>(
  frames: AsyncGenerator<From, void, undefined>,
  map: (frame: From) => To | Promise<To>,
): AsyncGenerator<To, void, undefined> {
  const finish = async (): Promise<IteratorReturnResult<void>> => {
    await frames.return();
    return { done: true, value: undefined };
  };
  return {
    next: async () => {
      const next = await frames.next();
      if (next.done) return next;
      try {
        return { done: false, value: await map(next.value) };
      } catch (error) {
        await finish();
        throw error;
      }
    },
    return: finish,
    throw: async (error) => {
      await finish();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: async () => {
      await finish();
    },
  };
}
