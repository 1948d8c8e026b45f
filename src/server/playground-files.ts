/** Serves the built playground: a fixed list of files, read from disk as they are asked for. */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, relative, sep } from 'node:path';

export interface PlaygroundFiles {
  /** False where the path names none of the files. */
  serve(path: string, request: IncomingMessage, response: ServerResponse): boolean;
}

interface File {
  readonly path: string;
  readonly size: number;
  readonly type: string;
  readonly etag: string;
  readonly cacheControl: string;
}

/** Lists the folder once: a path that is not in the list is never looked up on disk. */
export async function playgroundFiles(folder: string): Promise<PlaygroundFiles> {
  const files = new Map<string, File>();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const { size, mtimeMs } = await stat(path);
    const url = `/${relative(folder, path).split(sep).join('/')}`;
    files.set(url, {
      path,
      size,
      type: types[extname(path)] ?? 'application/octet-stream',
      etag: `"${size.toString(36)}-${Math.trunc(mtimeMs).toString(36)}"`,
      // Names below assets/ carry a hash of their content.
      cacheControl: url.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
  }
  return {
    serve(path, request, response) {
      const file = files.get(path === '/' ? '/index.html' : path);
      if (!file) return path === '/' ? notBuilt(response) : false;
      response.setHeader('cache-control', file.cacheControl);
      response.setHeader('etag', file.etag);
      for (const [name, value] of Object.entries(safeHeaders(request)))
        response.setHeader(name, value);
      if (request.headers['if-none-match'] === file.etag) {
        response.writeHead(304).end();
        return true;
      }
      response.writeHead(200, { 'content-type': file.type, 'content-length': file.size });
      if (request.method === 'HEAD') {
        response.end();
        return true;
      }
      const stream = createReadStream(file.path);
      stream.once('error', () => response.destroy());
      response.once('close', () => stream.destroy());
      stream.pipe(response);
      return true;
    },
  };
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ttf': 'font/ttf',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
};

/** The page runs its own files and talks to its own server, nothing else; its editor puts styles into the page. */
function safeHeaders(request: IncomingMessage): Record<string, string> {
  const host = request.headers.host ?? ''; // the gate has checked its form
  return {
    'content-security-policy': [
      `default-src 'none'`,
      `script-src 'self'`,
      `style-src 'self' 'unsafe-inline'`,
      `img-src 'self' data:`,
      `font-src 'self' data:`,
      `worker-src 'self' blob:`,
      `connect-src 'self' ws://${host} wss://${host}`,
      `base-uri 'none'`,
      `form-action 'none'`,
      `frame-ancestors 'none'`,
    ].join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
  };
}

function notBuilt(response: ServerResponse): true {
  response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' });
  response.end('The playground is not built: run "npm run build". GraphQL is at /graphql.\n');
  return true;
}
