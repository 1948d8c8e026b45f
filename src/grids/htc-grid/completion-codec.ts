/** What a completion is in the Redis of replicas: some 60 bytes. */
import type { EntryCodec } from '../../streams/shared/record.js';
import type { WorkState } from '../state.js';
import type { Completion } from '../tasks.js';

export const completionCodec: EntryCodec<Completion> = {
  encode: ({ taskId, revision, state, seenAt }) =>
    JSON.stringify([taskId, revision, state, seenAt]),
  decode: (line) => {
    const [taskId, revision, state, seenAt] = JSON.parse(line) as [
      string,
      string,
      WorkState,
      number,
    ];
    return { taskId, revision, state, seenAt };
  },
};
