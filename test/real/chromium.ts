/** The installed Chromium and the arguments it needs in a test. */
import { findProgram } from './program.js';

export interface RealChromium {
  readonly program: string;
  /** Root may not use Chromium's sandbox, and /dev/shm of a container is too small for it. */
  readonly args: readonly string[];
}

/** The installed Chromium, or the reason why there is none. */
export function findChromium(): RealChromium | string {
  const program =
    process.env['TEST_CHROMIUM'] ?? findProgram('chromium', 'chromium-browser', 'google-chrome');
  if (program === undefined) return 'no chromium in PATH (scripts/setup installs it)';
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return { program, args: [...sandbox, '--disable-dev-shm-usage'] };
}
