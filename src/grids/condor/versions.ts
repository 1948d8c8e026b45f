/**
 * Where the versions of HTCondor differ, and what is done about it: 23.9 and 25.14 are tried (docs/grids/htcondor.md,
 * "Version 25.14"). Differences that need no code here:
 *
 * - RequestMemory of a job that set none is an expression in 23, the literal 128 in 25: fields take both.
 * - A constraint that can't be parsed is named by 23; to condor_q of 25 it looks like a schedd that does not answer.
 *   So none is sent that was not parsed here.
 * - The text about a collector that is down has a second block in 25: the rules read the first.
 */

/** The collector has no daemon of the name: 25 says which, and that it looked in the local pool. */
export const noDaemonOfThatName =
  /unknown host|Collector has no record of schedd|Unable to locate remote schedd|Can't find address for (this|\w+ '[^']*' in local pool)/;
