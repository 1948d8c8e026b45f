/** As much of s3rver as the tests use; the package brings no types. */
declare module 's3rver' {
  import type { RequestListener } from 'node:http';
  interface Options {
    readonly silent: boolean;
    readonly directory: string;
    readonly configureBuckets: readonly { readonly name: string }[];
  }
  export default class S3rver {
    constructor(options: Options);
    configureBuckets(): Promise<unknown>;
    callback(): RequestListener;
  }
}
