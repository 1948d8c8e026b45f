/** Inputs and outputs as a client sees them. */
import type { Payload, PayloadKind } from '../tasks.js';
import type { DataPlane } from './data-plane.js';
import { errorKey, inputKey, outputKey } from './data-plane.js';
import { base64Chars, decodeText, functionErrorOf, payloadOf } from './encoding.js';

const keyOf = { input: inputKey, output: outputKey, error: errorKey } as const;
/** Enough of an output to tell an error by. */
const errorBytes = 64 * 1024;

/** Undefined where there is no such value, or no longer. */
export async function readPayload(
  data: DataPlane,
  taskId: string,
  kind: PayloadKind,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Payload | undefined> {
  const stored = await data.get(keyOf[kind](taskId), base64Chars(maxBytes), signal);
  if (stored !== undefined) return payloadOf(stored, maxBytes);
  if (kind !== 'error') return undefined;
  // Nothing in an HTC-Grid writes errors: what a function raised is its output.
  const output = await data.get(
    outputKey(taskId),
    base64Chars(Math.max(maxBytes, errorBytes)),
    signal,
  );
  return output !== undefined && functionErrorOf(decodeText(output.text)) !== null
    ? payloadOf(output, maxBytes)
    : undefined;
}
