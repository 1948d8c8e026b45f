/** The tabs a first visit opens. A tab's title is the name of its operation. */
import jobsByOwner from './examples/jobs-by-owner.graphql?raw';
import machines from './examples/machines.graphql?raw';
import workOnBothGrids from './examples/work-on-both-grids.graphql?raw';
import submitSession from './examples/submit-session.graphql?raw';
import followSession from './examples/follow-session.graphql?raw';

export const exampleTabs: { query: string; variables?: string }[] = [
  { query: jobsByOwner },
  { query: machines },
  { query: workOnBothGrids },
  { query: submitSession },
  { query: followSession, variables: '{\n  "session": "the id that Submit answered"\n}' },
];
