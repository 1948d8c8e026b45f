/**
 * Matches in time that grows with the pattern times the subject, whatever the pattern: all ways through the
 * tree are followed at once, in the order in which a backtracking matcher would try them.
 */
import { wordBytes } from './tree.js';
import type { Assertion, ByteSet, RegexNode } from './tree.js';

type Instruction =
  | { readonly op: 'byte'; readonly set: ByteSet }
  /** Goes on at both places, the first one first. */
  | { readonly op: 'split'; first: number; second: number }
  | { readonly op: 'jump'; to: number }
  | { readonly op: 'save'; readonly slot: number }
  /** Behind a part that is repeated: begins it again only where it took a byte since `slot` was saved. */
  | { readonly op: 'loop'; readonly slot: number; readonly to: number; readonly greedy: boolean }
  | { readonly op: 'assert'; readonly assertion: Assertion }
  | { readonly op: 'match' };

export interface Program {
  readonly instructions: readonly Instruction[];
  /** Starts and ends of the match and its groups; behind them, starts of rounds. */
  readonly slots: number;
  /** How many of the slots are starts of rounds: as many as repeats nest whose part may take no byte. */
  readonly rounds: number;
}

/** A pattern whose program would be too long. */
export class ProgramTooLong extends Error {
  override readonly name = 'ProgramTooLong';
}

export const mostInstructions = 20_000;

export function compile(tree: RegexNode, groups: number): Program {
  const program: Instruction[] = [];
  const firstRound = 2 * (groups + 1);
  let depth = 0;
  let rounds = 0;
  const add = <T extends Instruction>(instruction: T): T => {
    if (program.length >= mostInstructions) throw new ProgramTooLong('The pattern is too long.');
    program.push(instruction);
    return instruction;
  };

  const write = (node: RegexNode): void => {
    switch (node.kind) {
      case 'set':
        add({ op: 'byte', set: node.set });
        return;
      case 'assertion':
        add({ op: 'assert', assertion: node.assertion });
        return;
      case 'sequence':
        node.parts.forEach(write);
        return;
      case 'group':
        add({ op: 'save', slot: node.index * 2 });
        write(node.part);
        add({ op: 'save', slot: node.index * 2 + 1 });
        return;
      case 'alternatives':
        alternatives(node.parts);
        return;
      case 'repeat':
        repeat(node);
        return;
      default:
        node satisfies never;
    }
  };

  const alternatives = (parts: readonly RegexNode[]): void => {
    const ends: { to: number }[] = [];
    parts.forEach((part, at) => {
      const last = at === parts.length - 1;
      const split = last ? null : add({ op: 'split', first: program.length + 1, second: 0 });
      write(part);
      if (split === null) return;
      ends.push(add({ op: 'jump', to: 0 }));
      split.second = program.length;
    });
    for (const end of ends) end.to = program.length;
  };

  const fork = (greedy: boolean): { leave: (to: number) => void } => {
    const split = add({ op: 'split', first: program.length + 1, second: program.length + 1 });
    return {
      leave: (to) => {
        if (greedy) split.second = to;
        else split.first = to;
      },
    };
  };

  const repeat = ({ part, least, most, greedy }: Extract<RegexNode, { kind: 'repeat' }>): void => {
    if (most === Infinity) {
      for (let count = 1; count < least; count += 1) write(part);
      const optional = least === 0 ? fork(greedy) : null;
      const start = program.length;
      if (isNullable(part)) round(part, start, greedy);
      else {
        write(part);
        const on = program.length + 1;
        add({ op: 'split', first: greedy ? start : on, second: greedy ? on : start });
      }
      optional?.leave(program.length);
      return;
    }
    for (let count = 0; count < least; count += 1) write(part);
    const forks = [];
    for (let count = least; count < most; count += 1) {
      forks.push(fork(greedy));
      write(part);
    }
    for (const optional of forks) optional.leave(program.length);
  };

  const round = (part: RegexNode, start: number, greedy: boolean): void => {
    const slot = firstRound + depth;
    depth += 1;
    rounds = Math.max(rounds, depth);
    add({ op: 'save', slot });
    write(part);
    add({ op: 'loop', slot, to: start, greedy });
    depth -= 1;
  };

  add({ op: 'save', slot: 0 });
  write(tree);
  add({ op: 'save', slot: 1 });
  add({ op: 'match' });
  return { instructions: program, slots: firstRound + rounds, rounds };
}

/** Whether it can match without a byte. */
function isNullable(node: RegexNode): boolean {
  switch (node.kind) {
    case 'set':
      return false;
    case 'assertion':
      return true;
    case 'group':
      return isNullable(node.part);
    case 'sequence':
      return node.parts.every(isNullable);
    case 'alternatives':
      return node.parts.some(isNullable);
    case 'repeat':
      return node.least === 0 || isNullable(node.part);
    default:
      return node satisfies never;
  }
}

interface Thread {
  readonly at: number;
  readonly slots: readonly number[];
}

export interface MatchOptions {
  readonly start: number;
  /** Only right at the start, and not of nothing. */
  readonly anchoredAndNotEmpty: boolean;
}

/** As many are copied in the time of a step. */
const numbersAStep = 16;

/** Starts and ends of the match and its groups, -1 where one took no part; null where nothing matches. */
export function run(
  { instructions, slots: slotCount, rounds }: Program,
  subject: string,
  { start, anchoredAndNotEmpty }: MatchOptions,
  spender: { spend(steps: number): void },
): readonly number[] | null {
  const none: readonly number[] = new Array<number>(slotCount).fill(-1);
  const firstRound = slotCount - rounds;
  const seen = new Int32Array(instructions.length * (rounds + 1)).fill(-1);
  let threads: Thread[] = [];
  let matched: readonly number[] | null = null;
  let steps = Math.ceil(seen.length / numbersAStep);

  /** Follows what takes no byte, in order of preference. */
  const follow = (into: Thread[], from: Thread, position: number): void => {
    const waiting: Thread[] = [from];
    for (let thread = waiting.pop(); thread !== undefined; thread = waiting.pop()) {
      const { at, slots } = thread;
      // Ways that came here differ in how many rounds around took no byte yet: outer ones began before.
      let fresh = 0;
      for (let slot = firstRound; slot < slotCount; slot += 1) {
        if (slots[slot] === position) fresh += 1;
      }
      const state = at * (rounds + 1) + fresh;
      if (seen[state] === position) continue;
      seen[state] = position;
      steps += 1 + rounds;
      const instruction = instructions[at];
      switch (instruction?.op) {
        case 'jump':
          waiting.push({ at: instruction.to, slots });
          break;
        case 'split':
          waiting.push({ at: instruction.second, slots }, { at: instruction.first, slots });
          break;
        case 'loop': {
          const left = { at: at + 1, slots: slots.with(instruction.slot, -1) };
          const again = { at: instruction.to, slots };
          steps += Math.ceil(slots.length / numbersAStep);
          if (slots[instruction.slot] === position) waiting.push(left);
          else if (instruction.greedy) waiting.push(left, again);
          else waiting.push(again, left);
          break;
        }
        case 'save':
          steps += Math.ceil(slots.length / numbersAStep);
          waiting.push({ at: at + 1, slots: slots.with(instruction.slot, position) });
          break;
        case 'assert':
          if (holds(instruction.assertion, subject, position, start)) {
            waiting.push({ at: at + 1, slots });
          }
          break;
        default:
          into.push(thread);
      }
    }
  };

  for (let position = start; position <= subject.length; position += 1) {
    if (matched === null && (!anchoredAndNotEmpty || position === start)) {
      follow(threads, { at: 0, slots: none }, position);
    }
    const byte = subject.charCodeAt(position);
    spender.spend(steps + threads.length);
    steps = 0;
    const next: Thread[] = [];
    for (const { at, slots } of threads) {
      const instruction = instructions[at];
      if (instruction?.op === 'match') {
        if (anchoredAndNotEmpty && position === start) continue;
        matched = slots;
        break;
      }
      if (instruction?.op === 'byte' && instruction.set[byte] === 1) {
        follow(next, { at: at + 1, slots }, position + 1);
      }
    }
    threads = next;
    if (threads.length === 0 && (matched !== null || anchoredAndNotEmpty)) break;
  }
  return matched === null ? null : matched.slice(0, firstRound);
}

export function holds(
  assertion: Assertion,
  subject: string,
  at: number,
  matchStart: number,
): boolean {
  const end = subject.length;
  switch (assertion) {
    case 'subject-start':
      return at === 0;
    case 'subject-end':
      return at === end;
    case 'last-line-end':
      return at === end || (at === end - 1 && subject.charAt(at) === '\n');
    case 'line-start':
      return at === 0 || (at < end && subject.charAt(at - 1) === '\n');
    case 'line-end':
      return at === end || subject.charAt(at) === '\n';
    case 'word':
      return isWord(subject, at - 1) !== isWord(subject, at);
    case 'no-word':
      return isWord(subject, at - 1) === isWord(subject, at);
    case 'no-line-feed':
      return subject.charAt(at) !== '\n';
    case 'match-start':
      return at === matchStart;
    default:
      return assertion satisfies never;
  }
}

const isWord = (subject: string, at: number): boolean => wordBytes[subject.charCodeAt(at)] === 1;
