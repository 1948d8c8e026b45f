import { describe, expect, test } from 'vitest';
import { secretNames } from '../../src/grids/condor/config.js';
import { parseDump } from '../../src/grids/condor/config-dump.js';
import type { ConfigQuery } from '../../src/grids/jobs.js';
import { describeReal } from '../real/index.js';
import { opened, signal } from './pool.js';

const dump = `# Configuration from machine: pool.example.test
ABORT_ON_EXCEPTION = false
 # at: <Default>
 # expanded: false
 # default: false
MY.DOTTED = a = b # c
 # at: /etc/condor/config.d/95-multi, line 7
 # expanded: a = b # c
MY_EMPTY = 
 # at: /etc/condor/config.d/95-multi, line 6
 # expanded: 
MY_MULTI @=end
   line one
   FAKE = two
@end
 # at: /etc/condor/config.d/95-multi, line 5
 # expanded: 
 #     line one
 #     FAKE = two
SPOOL = $(LOCAL_DIR)/spool/condor
 # at: /etc/condor/condor_config, line 80
 # expanded: /var/spool/condor
 # default: $(LOCAL_DIR)/spool
FOO_ENV = 3
 # at: <Environment>
 # expanded: 3
# Contributing configuration file(s):
#	/etc/condor/condor_config
`;

describe('a dump of settings', () => {
  test('reads defaults, files, expansions and here-documents', () => {
    const settings = new Map(parseDump(dump).map((setting) => [setting.name, setting]));
    expect([...settings.keys()]).toEqual([
      'ABORT_ON_EXCEPTION',
      'MY.DOTTED',
      'MY_EMPTY',
      'MY_MULTI',
      'SPOOL',
      'FOO_ENV',
    ]);
    expect(settings.get('ABORT_ON_EXCEPTION')).toMatchObject({ isDefault: true, file: null });
    expect(settings.get('MY.DOTTED')?.value).toBe('a = b # c');
    expect(settings.get('MY_EMPTY')).toMatchObject({ value: '', raw: '' });
    expect(settings.get('MY_MULTI')).toMatchObject({
      value: '   line one\n   FAKE = two',
      raw: '   line one\n   FAKE = two',
      line: 5,
    });
    expect(settings.get('SPOOL')).toEqual({
      name: 'SPOOL',
      value: '/var/spool/condor',
      raw: '$(LOCAL_DIR)/spool/condor',
      isDefault: false,
      file: '/etc/condor/condor_config',
      line: 80,
    });
    expect(settings.get('FOO_ENV')).toMatchObject({ isDefault: false, file: null });
  });
});

describe('secrets', () => {
  const named = (text: string) => [...secretNames(parseDump(text))].sort();

  test('are told by their names, wherever those stand in a longer one', () => {
    expect(
      named('SEC_PASSWORD_FILE = /x\nSCHEDD.MyToken_X = y\nSPOOL = /spool\nmy_api_key = z\n'),
    ).toEqual(['MY_API_KEY', 'SCHEDD.MYTOKEN_X', 'SEC_PASSWORD_FILE']);
  });

  test.each([
    'MY_SIGNING_KEY = 1',
    'AUTH_SSL_SERVER_KEYFILE = /x',
    'X_PASSPHRASE = y',
    'SITE_CREDENTIALS = y',
    'CRED_STORE = /x',
    'PROXY = http://user:hunter2@proxy:3128/',
    'ARGS = --verbose --password=hunter2',
    'HEADER = Authorization: Bearer abcdefghijk',
    'X = eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln',
    'PEM @=end\n-----BEGIN RSA PRIVATE KEY-----\nMII\n@end',
  ])('are told by name or value: %s', (text) => {
    expect(named(`${text}\n`)).toHaveLength(1);
  });

  test.each([
    'STARTD_JOB_HOOK_KEYWORD = x',
    'KEYBOARD_CPUS = 1',
    'CREDD_PORT = 9620',
    'SACRED = no',
    'URL = https://host:443/a@b',
    'GIT = ssh://git@host/x',
    'METHODS = FS,IDTOKENS,SCITOKENS',
  ])('are not seen where there are none: %s', (text) => {
    expect(named(`${text}\n`)).toEqual([]);
  });

  test('stay secret in every setting that takes them in, however deep and in whatever case', () => {
    const text = [
      'LEAK = see $(leak_two)',
      'LEAK_TWO = $STRING(Pool_Secret)',
      'LEAK_THREE = $(UNSET:$(pool_secret))',
      'LEAK_FOUR = $CHOICE(INDEX, SPOOL, Pool_Secret) $(Pool_Secret:$(SPOOL))',
      'POOL_SECRET = hunter2',
      'HARMLESS = $(SPOOL)/secret of $(HOST)',
    ];
    expect(named(text.join('\n'))).toEqual([
      'LEAK',
      'LEAK_FOUR',
      'LEAK_THREE',
      'LEAK_TWO',
      'POOL_SECRET',
    ]);
  });
});

describeReal('pool', 'the configuration of the real pool', (pool) => {
  const all: ConfigQuery = {
    daemon: undefined,
    daemonName: undefined,
    names: undefined,
    matching: undefined,
    changedOnly: false,
  };
  const ask = (query: Partial<ConfigQuery>) =>
    opened(pool).port.config({ ...all, ...query }, signal);

  test('names are case-insensitive, and what is not defined is not there', async () => {
    const found = await ask({ names: ['num_cpus', 'NoSuchThing'] });
    expect(found).toMatchObject([
      { name: 'NUM_CPUS', value: '4', isDefault: false, daemon: null, redacted: false },
    ]);
    expect(found[0]?.file).toContain('/etc/condor/config.d/');
  });

  test.each(['SCHEDD', 'COLLECTOR'] as const)('a running %s tells its own', async (daemon) => {
    const found = await ask({ daemon, names: ['SPOOL', 'NoSuchThing'] });
    expect(found).toMatchObject([{ name: 'SPOOL', value: '/var/spool/condor', daemon }]);
  });

  test('text that a name contains is no pattern', async () => {
    expect(await ask({ matching: '(' })).toEqual([]);
    expect(await ask({ matching: '.*' })).toEqual([]);
    const found = await ask({ matching: 'event_log', changedOnly: true });
    expect(found.map(({ name }) => name)).toContain('EVENT_LOG_FORMAT_OPTIONS');
    expect(found.every(({ isDefault }) => isDefault !== true)).toBe(true);
  });

  test('a name of a daemon without its kind is BAD_USER_INPUT', async () => {
    const query = { daemonName: pool.scheddName };
    await expect(ask(query)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  test('a daemon that is not there is UNKNOWN_SCHEDD', async () => {
    const query = { daemon: 'SCHEDD', daemonName: 'nosuch@x' } as const;
    await expect(ask(query)).rejects.toMatchObject({ code: 'UNKNOWN_SCHEDD' });
  });
});
