/** A submission to the embedded pool: each of its jobs as attributes. */
import { InputError } from '../../action.js';
import type { PlannedSubmission } from '../submit/index.js';
import type { Attributes } from './attributes.js';
import { jobAttributes, type Submitter } from './submit.js';

/** One job an item, `count` times, in that order. `clusterId` is the number that they are going to have. */
export function jobsOf(
  { items, count }: PlannedSubmission,
  clusterId: number,
  submitter: Submitter,
): readonly Attributes[] {
  const total = items.length * count;
  return items.flatMap((item, index) =>
    Array.from({ length: count }, (_, step) => {
      const procId = index * count + step;
      const numbers = { ProcId: procId, ClusterId: clusterId, Step: step };
      const commands = [...item].map(
        ([name, text]) => [name, withNumbers(name, text, numbers)] as const,
      );
      return jobAttributes(new Map(commands), submitter, total);
    }),
  );
}

type Numbers = Readonly<Record<'ProcId' | 'ClusterId' | 'Step', number>>;

function withNumbers(command: string, text: string, numbers: Numbers): string {
  if (text.includes('$$(')) {
    throw new InputError(
      'BAD_USER_INPUT',
      `${command} uses $$(…), which the embedded pool does not fill in.`,
      [],
    );
  }
  return text.replaceAll(/\$\((ProcId|ClusterId|Step)\)/g, (_all, name: keyof Numbers) =>
    String(numbers[name]),
  );
}
