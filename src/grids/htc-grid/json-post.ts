/** One call in the JSON of AWS, and its failure as an error with the name that the official clients give it. */
import type { Agent } from 'node:http';
import { request } from 'node:http';
import { request as secureRequest } from 'node:https';

export interface JsonPost {
  readonly url: string;
  readonly agent: Agent;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly callMs: number;
  readonly signal: AbortSignal | undefined;
}

/** DynamoDB answers with 16 MB of items at most. */
const maxBytes = 64 * 1024 * 1024;

export function postJson({ url, agent, headers, body, callMs, signal }: JsonPost): Promise<object> {
  return new Promise((resolve, reject) => {
    const call = (url.startsWith('https:') ? secureRequest : request)(url, {
      method: 'POST',
      agent,
      timeout: callMs,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      ...(signal === undefined ? {} : { signal }),
    });
    call.on('timeout', () => {
      call.destroy(named('TimeoutError', `no answer within ${String(callMs)} ms`));
    });
    call.on('error', reject);
    call.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxBytes) response.destroy(new Error('The answer is too long.'));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        const answer = parse(Buffer.concat(chunks).toString('utf8'));
        if (answer === undefined) reject(new Error(`${url} answered without JSON.`));
        else if (response.statusCode === 200) resolve(answer);
        else reject(failureOf(answer));
      });
    });
    call.end(body);
  });
}

export interface JsonAnswer {
  readonly __type?: string;
  readonly message?: string;
  readonly Message?: string;
}

function parse(text: string): JsonAnswer | undefined {
  try {
    return JSON.parse(text) as JsonAnswer;
  } catch {
    return undefined;
  }
}

/** The name after the `#` is the one the official client gives the error. */
export function failureOf(answer: JsonAnswer): Error {
  const name = answer.__type?.split('#').at(-1) ?? 'UnknownError';
  return named(name, answer.message ?? answer.Message ?? name);
}

export function named(name: string, message: string): Error {
  const error = new Error(message);
  error.name = name;
  return error;
}
