/** What an event tells by names of its own, without what the pool hides of the job. */
import type { HiddenNames } from './hidden.js';

/** Attributes of the job whose values events tell under another name. */
const toldOf: Readonly<Record<string, readonly string[]>> = {
  ExecuteHost: ['RemoteHost'],
  Reason: ['HoldReason', 'ReleaseReason', 'RemoveReason'],
  ReturnValue: ['ExitCode'],
  SlotName: ['RemoteHost'],
  TerminatedBySignal: ['ExitSignal'],
};

export function shownDetail(
  detail: Readonly<Record<string, unknown>>,
  hidden: HiddenNames,
): Readonly<Record<string, unknown>> {
  const { Attribute: edited } = detail;
  const isHidden = (name: string): boolean =>
    hidden.behind(name) !== undefined ||
    (Object.hasOwn(toldOf, name) && toldOf[name]?.some((own) => hidden.has(own)) === true) ||
    (name === 'Value' && typeof edited === 'string' && hidden.has(edited));
  return Object.fromEntries(Object.entries(detail).filter(([name]) => !isHidden(name)));
}
