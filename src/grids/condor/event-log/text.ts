/**
 * The text form of event logs: a head line `005 (020.000.000) 11/22 04:51:47 Job terminated.`, lines of
 * its own for each event, then a line of three dots. Only what tells the state and the reason is read.
 */
import { expressionMark } from '../../../classad/marks.js';
import type { RawRecord } from './record.js';

const head =
  /^(\d{3}) \((-?\d+)\.(-?\d+)\.(-?\d+)\) (\d{4}-\d\d-\d\d|\d\d?\/\d\d?)[ T](\d\d:\d\d:\d\d(?:\.\d+)?Z?) ?(.*)$/;

const dayMs = 86_400_000;

export function textRecord(text: string, nowMs: number): RawRecord | undefined {
  const lines = text.split('\n');
  // Where a writer broke off in the middle, the last line that can be a head is the head.
  const at = lines.findLastIndex((line) => head.test(line));
  const [, number, cluster, proc, subproc, date = '', time = '', rest = ''] =
    head.exec(lines[at] ?? '') ?? [];
  if (number === undefined) return undefined;
  const body = lines.slice(at + 1, lines.at(-1) === '...' ? -1 : undefined);
  return {
    EventTypeNumber: Number(number),
    Cluster: Number(cluster),
    Proc: Number(proc),
    Subproc: Number(subproc),
    EventTime: `${dated(date, time, nowMs)}T${time}`,
    ...fieldsOf(Number(number), rest, body),
  };
}

/** Times without a year: the latest such day that is not in the future. */
function dated(date: string, time: string, nowMs: number): string {
  if (date.includes('-')) return date;
  const [month = '', day = ''] = date.split('/').map((part) => part.padStart(2, '0'));
  const year = new Date(nowMs).getFullYear();
  const thisYear = `${year}-${month}-${day}`;
  return Date.parse(`${thisYear}T${time}`) > nowMs + dayMs
    ? `${year - 1}-${month}-${day}`
    : thisYear;
}

function fieldsOf(number: number, rest: string, body: readonly string[]): RawRecord {
  const found = (pattern: RegExp): string | undefined =>
    body.map((line) => pattern.exec(line)?.[1]).find((value) => value !== undefined);
  const reason = body[0]?.trim();
  switch (number) {
    case 0:
      return { SubmitHost: rest.replace(/^Job submitted from host: /, '') };
    case 1: {
      const slot = found(/^\tSlotName: (.*)$/);
      return {
        ExecuteHost: rest.replace(/^Job executing on host: /, ''),
        ...(slot === undefined ? {} : { SlotName: slot }),
      };
    }
    case 5: {
      const code = found(/Normal termination \(return value (-?\d+)\)/);
      const signal = found(/Abnormal termination \(signal (\d+)\)/);
      return {
        TerminatedNormally: code !== undefined,
        ...(code === undefined ? {} : { ReturnValue: Number(code) }),
        ...(signal === undefined ? {} : { TerminatedBySignal: Number(signal) }),
      };
    }
    case 9:
    case 13:
      return reason ? { Reason: reason } : {};
    case 12: {
      const code = found(/^\tCode (\d+) Subcode/);
      const subcode = found(/^\tCode \d+ Subcode (\d+)/);
      return {
        ...(reason && !/^Code \d+/.test(reason) ? { HoldReason: reason } : {}),
        ...(code === undefined ? {} : { HoldReasonCode: Number(code) }),
        ...(subcode === undefined ? {} : { HoldReasonSubCode: Number(subcode) }),
      };
    }
    case 28:
      return Object.fromEntries(body.flatMap(assignment));
    case 33: {
      const [, name, value] = /job attribute (\S+) (?:from .* )?to (.*)$/.exec(rest) ?? [];
      return name === undefined ? {} : { Attribute: name, Value: value };
    }
    default:
      return {};
  }
}

/** `Name = value` in the old form of ads. */
function assignment(line: string): readonly (readonly [string, unknown])[] {
  const [, name, text] = /^([A-Za-z_]\w*) = (.*)$/.exec(line) ?? [];
  return name === undefined || text === undefined ? [] : [[name, valueOf(text)]];
}

function valueOf(text: string): unknown {
  if (/^".*"$/.test(text)) return text.slice(1, -1).replace(/\\(["\\])/g, '$1');
  if (/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  return `${expressionMark}${text})/`;
}
