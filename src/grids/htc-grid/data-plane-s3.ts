/** The data plane of a deployed grid in S3: the keys and values of its own client, at the bucket's root. */
import type * as sdk from '@aws-sdk/client-s3';
import { repeatsOf } from './aws-repeats.js';
import type { OnCall } from './calls.js';
import { timed } from './calls.js';
import { eachOf, mapOf } from './concurrency.js';
import type { DataPlane, StoredText } from './data-plane.js';
import { headOf } from './data-plane.js';

export interface S3Settings {
  readonly bucket: string;
  readonly region: string;
  /** The key that objects are encrypted with; without it, as the bucket is set to. */
  readonly kmsKeyId?: string | undefined;
  /** Only for emulators and private endpoints; AWS is found by its region. */
  readonly endpoint?: string | undefined;
  /** Without them the AWS default chain applies (environment, profile, instance role). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** How long one call may take. @default 10_000 */
  readonly callMs?: number;
  readonly onCall?: OnCall;
}

/** Objects written or read at once. */
const parallelCalls = 48;
const label = 'The data plane (S3)';

type Sdk = typeof sdk;

export class S3DataPlane implements DataPlane {
  private constructor(
    private readonly sdk: Sdk,
    private readonly client: InstanceType<Sdk['S3Client']>,
    private readonly settings: S3Settings,
  ) {}

  static async open(settings: S3Settings): Promise<S3DataPlane> {
    const loaded = await import('@aws-sdk/client-s3');
    const config: sdk.S3ClientConfig = {
      region: settings.region,
      maxAttempts: 4,
      requestHandler: {
        connectionTimeout: 2000,
        requestTimeout: settings.callMs ?? 10_000,
        throwOnRequestTimeout: true,
        httpAgent: { keepAlive: true, maxSockets: parallelCalls },
        httpsAgent: { keepAlive: true, maxSockets: parallelCalls },
      },
      ...(settings.endpoint === undefined
        ? {}
        : { endpoint: settings.endpoint, forcePathStyle: true }),
      ...(settings.credentials === undefined ? {} : { credentials: settings.credentials }),
    };
    const client = new loaded.S3Client(config);
    const strategy = await client.config.retryStrategy();
    client.config.retryStrategy = async () => repeatsOf(strategy, { throttled: true });
    return new S3DataPlane(loaded, client, settings);
  }

  put(entries: Iterable<readonly [string, string]>, signal?: AbortSignal): Promise<void> {
    const { bucket, kmsKeyId, onCall } = this.settings;
    const encryption =
      kmsKeyId === undefined
        ? {}
        : { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: kmsKeyId };
    return timed('data-write', label, onCall, signal, () =>
      eachOf(entries, parallelCalls, async ([key, text]) => {
        signal?.throwIfAborted();
        const put = { Bucket: bucket, Key: key, Body: Buffer.from(text, 'latin1'), ...encryption };
        await this.client.send(new this.sdk.PutObjectCommand(put), optionsOf(signal));
      }),
    );
  }

  async get(key: string, maxChars: number, signal?: AbortSignal): Promise<StoredText | undefined> {
    return (await this.getMany([key], maxChars, signal))[0];
  }

  getMany(
    keys: readonly string[],
    maxChars: number,
    signal?: AbortSignal,
  ): Promise<(StoredText | undefined)[]> {
    return timed('data-read', label, this.settings.onCall, signal, () =>
      mapOf(keys, parallelCalls, (key) => this.#get(key, maxChars, signal)),
    );
  }

  probe(signal?: AbortSignal): Promise<string> {
    const { bucket, onCall } = this.settings;
    return timed('data-read', label, onCall, signal, async () => {
      await this.client.send(new this.sdk.HeadBucketCommand({ Bucket: bucket }), optionsOf(signal));
      return `bucket ${bucket} answers`;
    });
  }

  async stop(): Promise<void> {
    this.client.destroy();
  }

  async #get(key: string, maxChars: number, signal?: AbortSignal): Promise<StoredText | undefined> {
    if (!Number.isFinite(maxChars)) {
      const whole = await this.#read(key, undefined, signal);
      return whole === undefined ? undefined : headOf(whole.text, Infinity);
    }
    const head = await this.#read(key, `bytes=0-${String(Math.max(0, maxChars - 1))}`, signal);
    if (head === undefined) return undefined;
    const chars = head.size ?? head.text.length;
    if (chars <= head.text.length) return headOf(head.text, maxChars);
    // Its last characters tell how many bytes it decodes to.
    const end = await this.#read(key, `bytes=${String(chars - 2)}-${String(chars - 1)}`, signal);
    return { text: head.text.slice(0, maxChars), chars, end: end?.text ?? '' };
  }

  /** Undefined for a missing key; an empty value is none of the grid's. */
  async #read(key: string, range: string | undefined, signal: AbortSignal | undefined) {
    try {
      const get = { Bucket: this.settings.bucket, Key: key };
      const answer = await this.client.send(
        new this.sdk.GetObjectCommand(range === undefined ? get : { ...get, Range: range }),
        optionsOf(signal),
      );
      const text = (await answer.Body?.transformToString('latin1')) ?? '';
      const size = /\/(\d+)$/.exec(answer.ContentRange ?? '')?.[1];
      return text === ''
        ? undefined
        : { text, size: size === undefined ? undefined : Number(size) };
    } catch (error) {
      const name = error instanceof Error ? error.name : '';
      if (name === 'NoSuchKey' || name === 'NotFound' || name === 'InvalidRange') return undefined;
      throw error;
    }
  }
}

const optionsOf = (signal: AbortSignal | undefined) =>
  signal === undefined ? {} : { abortSignal: signal };
