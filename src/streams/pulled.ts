/** Generators that are more than a loop: their `return` is not held up by a frame that may not come for a long time. */

/** A generator of what `next` gives; `finish` ends the pull under way, whoever leaves and how. */
export function pulled<Frame>(
  next: () => Promise<IteratorResult<Frame, void>>,
  finish: () => Promise<unknown>,
): AsyncGenerator<Frame, void, undefined> {
  const end = async (): Promise<IteratorReturnResult<void>> => {
    await finish();
    return { done: true, value: undefined };
  };
  return {
    next,
    return: end,
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

/** Frames turned into others, one by one, as they are pulled; the source is returned at once. */
export function mapFrames<From, To>(
  frames: AsyncGenerator<From, void, undefined>,
  map: (frame: From) => To | Promise<To>,
): AsyncGenerator<To, void, undefined> {
  const finish = () => frames.return();
  const next = async (): Promise<IteratorResult<To, void>> => {
    const frame = await frames.next();
    if (frame.done === true) return frame;
    try {
      return { done: false, value: await map(frame.value) };
    } catch (error) {
      await finish();
      throw error;
    }
  };
  return pulled(next, finish);
}
