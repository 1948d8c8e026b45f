/** What a bench is: some findings, each a number with the target that the project set for it. */

export interface BenchOptions {
  /** Fewer rounds and fewer jobs: says whether the bench works, not how fast the server is. */
  readonly quick: boolean;
  /** The pool with the queued jobs, or why there is none. */
  readonly pool: () => Promise<LoadedPool>;
}

export interface LoadedPool {
  readonly dir: string;
  readonly jobs: number;
  /** A cluster of the load that has many jobs. */
  readonly cluster: { readonly id: number; readonly jobs: number };
}

export interface Bench {
  readonly name: string;
  readonly about: string;
  run(options: BenchOptions): Promise<readonly Finding[]>;
}

export interface Finding {
  /** What is compared with what: "groups by owner and state, times condor_q with five attributes". */
  readonly what: string;
  readonly value: number;
  /** "x" for a ratio. */
  readonly unit: 'x' | 'MB' | 'KB' | 'commands' | 'reads' | 'a second' | 'ms' | 's' | 'ends';
  /** Least and largest value of the rounds, where there are several. */
  readonly spread?: readonly [least: number, largest: number];
  readonly target?: { readonly atMost: number } | { readonly atLeast: number };
  /** The measurements behind it. */
  readonly detail?: string;
}

export const passes = ({ value, target }: Finding): boolean | undefined => {
  if (target === undefined) return undefined;
  return 'atMost' in target ? value <= target.atMost : value >= target.atLeast;
};

/** For benches that can't run here; the others go on. */
export class NotRun extends Error {}
