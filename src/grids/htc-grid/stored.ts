/** What a submission stores in the data plane: keys and values, as HTC-Grid's own client writes them. */
import { inputKey, submissionKey } from './data-plane.js';
import { encodeInput, encodeSubmission } from './encoding.js';
import { taskIdOf } from './status.js';
import { submissionPayload } from './submission-payload.js';

type Stored = readonly [key: string, text: string];

/** One at a time, as they are asked for: the encoded inputs of a large session are never all in memory. */
export function* storedInputs(session: string, payloads: readonly unknown[]): Generator<Stored> {
  for (const [index, payload] of payloads.entries())
    yield [inputKey(taskIdOf(session, index)), encodeInput(payload)];
}

/** @param name what the submit call is given; its payload says which session it is about */
export function storedSubmission(
  name: string,
  session: string,
  taskIds: readonly string[],
  priority: number,
  now: number,
): Stored {
  return [
    submissionKey(name),
    encodeSubmission(submissionPayload(session, taskIds, priority, now)),
  ];
}
