/**
 * Where the versions of HTCondor differ, and what is done about it: 23.9 and 25.14 are tried (docs/grids/htcondor.md,
 * "Version 25.14"). Differences that need no code here:
 *
 * - RequestMemory of a job that set none is an expression in 23, the literal 128 in 25: fields take both.
 * - A constraint that can't be parsed is named by 23; to condor_q of 25 it looks like a schedd that does not answer.
 *   So none is sent that was not parsed here.
 * - Of ClassAd expressions, held against both by test/classad/differential.test.ts: an attribute that leads back to itself
 *   is an error in 23, undefined in 25; `?:` binds loosest in 23, tightest in 25; formatTime and splitTime of far
 *   times are off in 23; stringListMax and its kind read `2x` as 2 in 23, as an error in 25. Here all is read as in 23, and what is sent has the parentheses on which both agree.
 * - The text about a collector that is down has a second block in 25: the rules read the first.
 */

/** The collector has no daemon of the name: 25 says which, and that it looked in the local pool. */
export const noDaemonOfThatName =
  /unknown host|Collector has no record of schedd|Unable to locate remote schedd|Can't find address for (this|\w+ '[^']*' in local pool)/;
