/** The tabs a first visit opens. A tab's title is the name of its operation. */
import jobsByOwner from './examples/jobs-by-owner.graphql?raw';
import machines from './examples/machines.graphql?raw';
import workOnBothGrids from './examples/work-on-both-grids.graphql?raw';
import submitSession from './examples/submit-session.graphql?raw';
import followSession from './examples/follow-session.graphql?raw';
import submitJobs from './examples/submit-jobs.graphql?raw';
import holdAndRemoveJobs from './examples/hold-and-remove-jobs.graphql?raw';
import jobEvents from './examples/job-events.graphql?raw';
import jobCompleted from './examples/job-completed.graphql?raw';
import workCompleted from './examples/work-completed.graphql?raw';
import gridHealth from './examples/grid-health.graphql?raw';

// Payloads of the default task handler, which sleeps as long as it is told.
const payloads = [500, 1_000, 2_000, 4_000].map((sleepMs) => ({ sleepMs }));

export const exampleTabs: { query: string; variables?: string }[] = [
  { query: jobsByOwner },
  { query: machines },
  { query: workOnBothGrids },
  { query: submitSession, variables: json({ payloads }) },
  { query: followSession, variables: json({ session: 'the id that Submit answered' }) },
  { query: submitJobs, variables: json({ dryRun: true }) },
  {
    query: holdAndRemoveJobs,
    variables: json({ cluster: 'the id that QueueJobs answered', dryRun: true }),
  },
  { query: jobEvents },
  { query: jobCompleted },
  { query: workCompleted },
  { query: gridHealth },
];

function json(variables: object): string {
  return JSON.stringify(variables, null, 2);
}
