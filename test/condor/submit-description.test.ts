/** Submit descriptions of clients: none reads a file of the server, runs a program there, or reaches condor_submit as it came. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HiddenNames } from '../../src/grids/condor/hidden.js';
import { submitCommands } from '../../src/grids/condor/submit/commands.js';
import {
  planSubmission,
  submitText,
  type SubmitInput,
  type SubmitRules,
} from '../../src/grids/condor/submit/index.js';

const bare: SubmitRules = {
  directory: undefined,
  executables: [],
  maxJobs: 1000,
  hidden: new HiddenNames(['Badge']),
};
const withFolder: SubmitRules = { ...bare, directory: '/home/alice/jobs' };
const sleep = 'executable = /bin/sleep\n';

const written = (input: Partial<SubmitInput> | string, rules = bare): string => {
  const given = typeof input === 'string' ? { description: input } : input;
  const nothing = {
    description: undefined,
    attributes: undefined,
    items: undefined,
    count: undefined,
  };
  return submitText(planSubmission({ ...nothing, ...given }, rules));
};
const lines = (input: Partial<SubmitInput> | string, rules = bare): readonly string[] =>
  written(input, rules).trimEnd().split('\n');
const thrown = (input: Partial<SubmitInput> | string, rules = bare): unknown => {
  try {
    return written(input, rules);
  } catch (error) {
    return error;
  }
};

describe('what the pool hides is in no submission', () => {
  test.each([
    ['a hold with a reason', 'periodic_hold = true\nperiodic_hold_reason = ClaimId'],
    ['a hold that tells by itself', 'on_exit_hold = Badge == 5'],
    ['requirements of the machine', 'requirements = TARGET.badge =?= "x"'],
    ['a request', 'request_memory = MY.Badge'],
    ['an attribute alone', '+Copy = Badge'],
    ['an attribute', '+Copy = strcat("", BADGE)'],
    ['an attribute by another way', '+Copy = eval(strcat("Bad", "ge"))'],
    ['requirements by another way', 'requirements = size(unparse(TARGET)) > 3'],
    ['a macro of the match', 'arguments = $$(ClaimId)'],
    ['a macro with a default', 'environment = "B=$$(Badge:none)"'],
    ['an attribute of the machine', 'job_machine_attrs = Cpus, badge'],
    ['the same as an attribute', '+JobMachineAttrs = "Badge"'],
    ['the same in an item', '+A = "$(x)"\nx = $$(Badge)'],
  ])('%s', (_name, commands) => {
    expect(thrown(`${sleep}${commands}`)).toMatchObject({ code: 'FORBIDDEN' });
  });

  test.each([
    'requirements = TARGET.Memory > 4 && regexp("a", Machine)',
    'request_memory = 4 GB',
    'request_disk = 1.5G',
    'periodic_hold_reason = strcat("held in ", JobStatus)',
    'arguments = ClaimId Badge $$(Memory)',
    'concurrency_limits = badge:2',
  ])('%s is none of it', (command) => {
    expect(lines(`${sleep}${command}`)).toContain(command);
  });
});

describe('a trick is refused by its name', () => {
  test.each([
    ['items from a program', 'queue x from cat /etc/passwd |', /runs a program/],
    ['items from a file', 'queue x from /etc/passwd', /items/],
    ['items from a folder', 'queue x matching /etc/*', /items/],
    ['items in line', 'queue x in (a, b)', /items/],
    ['two queues', 'queue\nqueue', /stands after queue/],
    ['commands after the queue', 'queue\narguments = 1', /stands after queue/],
    ['include', 'include : /etc/passwd', /include/],
    ['include of a program', 'include command : id', /include/],
    ['include where there is one', 'INCLUDE ifexist : /etc/passwd', /include/],
    ['use', 'use FEATURE : PartitionableSlot', /use/],
    ['if', 'if $(x)\nendif', /`if`/],
    ['a here document', 'arguments @=end\nx\n@end', /@=/],
    ['the environment by $ENV', 'arguments = $ENV(HOME)', /\$ENV/],
    ['the environment by $ENV with a default', 'arguments = $env(HOME:x)', /\$env/i],
    ['a function of file names', 'arguments = $Fqpa(executable)', /\$Fqpa/],
    ['a number function', 'arguments = $INT(x)', /\$INT/],
    ['a random choice', 'arguments = $RANDOM_CHOICE(a,b)', /\$RANDOM_CHOICE/],
    ['an evaluated expression', 'arguments = $EVAL(userHome("root"))', /\$EVAL/],
    ['a dollar made of a name', 'd = $\narguments = $(d)ENV(HOME)', /\$ENV/],
    ['a reference in two parts', 'a = $\nb = (HOME)\narguments = $(a)$(b)', /\$\(/],
    ['a setting of the server behind two dollars', 'arguments = $$$(SPOOL)', /\$\$\$\(…\)/],
    ['the same made of a name', 'd = $\narguments = $(d)$$(SPOOL)', /\$\$\$\(…\)/],
    ['the same made of two names', 'd = $$$\narguments = $(d)$$(SPOOL)', /\$\$\$\$\$\(…\)/],
    ['the environment behind two dollars', 'arguments = $$$ENV(HOME)', /\$ENV/],
    ['a nested reference', 'arguments = $($(x))', /\$/],
    ['an evaluated match expression', 'arguments = $$([ TARGET.Name ])', /\$/],
    ['a literal dollar', 'arguments = $(DOLLAR)(HOME)', /nothing here defines/],
    ['a setting of the server', 'arguments = $(LOG)', /nothing here defines/],
    ['a circle', 'a = $(b)\nb = $(a)\narguments = $(a)', /circle/],
    ['all of the environment', 'getenv = true', /environment of the server/],
    ['a proxy', 'x509userproxy = /tmp/x509up_u0', /credential/],
    ['the default proxy', 'use_x509userproxy = true', /credential/],
    ['tokens', 'use_oauth_services = box', /reaches beyond/],
    ['a scitoken', 'scitokens_file = /etc/token', /reaches beyond/],
    ['a key of a cloud', 'aws_access_key_id_file = /root/key', /reaches beyond/],
    ['mail', 'notify_user = all@example.test', /mail/],
    ['mail by kind', 'notification = always', /mail/],
    ['the share of another', 'accounting_group_user = bob', /somebody else/],
    ['a hook', 'hook_keyword = X', /reaches beyond/],
    ['a log of another tool', 'dagman_log = /tmp/x', /reaches beyond/],
    ['attributes into the log', 'job_ad_information_attrs = ClaimId', /reaches beyond/],
    ['a tool beside the job', 'tool_daemon_cmd = /bin/sh', /reaches beyond/],
    ['a spooled program', 'copy_to_spool = true', /reaches beyond/],
    ['a plug-in', 'transfer_plugins = x=/bin/sh', /reaches beyond/],
    ['a factory', 'max_materialize = 5', /factory/],
    ['no checks of files', 'skip_filechecks = true', /reaches beyond/],
    ['a limit of the server', 'stack_size = 5', /reaches beyond/],
    ['a typing error', 'argumets = 1', /no submit command/],
    ['the scheduler universe', 'universe = scheduler', /universe/],
    ['the local universe', 'universe = Local', /universe/],
    ['the grid universe', 'universe = grid', /universe/],
    ['the universe by a name', 'u = local\nuniverse = $(u)', /universe/],
    ['a command twice', 'arguments = 1\nArguments = 2', /second time/],
    ['a command under its other name too', 'priority = 1\nprio = 2', /second time/],
    ['HTCondor’s own numbers', 'ProcId = 5\narguments = $(ProcId)', /HTCondor/],
    ['a line of nothing', 'what is this', /name = value/],
    ['a value that eats the next line', 'environment = A=1 $(x:\\)', /backslash|nothing/],
  ])('%s', (_name, trick, message) => {
    const error = thrown(`${sleep}${trick}`);
    expect(error).toMatchObject({
      code: expect.stringMatching(/^(FORBIDDEN|BAD_USER_INPUT)$/) as string,
      path: ['description'],
      message: expect.stringMatching(message) as string,
    });
  });

  test.each([
    'Owner', 'owner', 'ClusterId', 'JobStatus', 'JobUniverse', 'Cmd', 'Iwd', 'In', 'Out', 'Err', 'UserLog',
    'TransferInput', 'TransferOutputRemaps', 'TransferPlugins', 'x509userproxy', 'OutputDestination',
    'SpoolExecutable', 'HookKeyword', 'WantIOProxy', 'OtherJobRemoveRequirements', 'NotifyUser', 'JobMaterializeDigestFile',
    'DockerVolumes', 'ToolDaemonCmd', 'EC2UserDataFile', 'HtcGraphSubmission', 'ClaimId', '_condor_privX', 'AcctGroupUser', 'AccountingGroup',
    'CommonInputFiles', 'DataReuseManifestSHA256', 'JobStarterLog', 'OutputDirectory', 'PrimaryUnixGroup', 'SubmitEventNotesAttrs',
    'TransformOnEvict', 'TransformBody_RequestMemory', 'UserLogExecuteEventAttrs',
  ])('the attribute %s', (name) => {
    for (const way of [`+${name} = "x"`, `MY.${name} = "x"`, `my.${name} = "x"`, `+ ${name} = "x"`]) {
      expect(thrown(`${sleep}${way}`), way).toMatchObject({ path: ['description'] });
    }
    expect(thrown({ attributes: { executable: '/bin/sleep', [`+${name}`]: 'x' } })).toMatchObject({
      code: 'FORBIDDEN',
    });
  }); // prettier-ignore

  test.each(['1 +', 'ClaimId', 'MY.ClaimId', 'eval("x")', '"open', '1 ]; B = 2'])(
    'the value %s of an attribute',
    (value) => {
      expect(thrown(`${sleep}+Mine = ${value}`)).toMatchObject({ path: ['description'] });
      const expression = { executable: '/bin/sleep', '+Mine': { expression: value } };
      expect(thrown({ attributes: expression })).toMatchObject({ path: ['attributes', '+Mine'] });
    },
  );

  test.each([
    [{ x: 'a\nqueue 5' }, /line break/],
    [{ x: 'a\r\nlog = /etc/x' }, /line break/],
    [{ x: 'a\u0000b' }, /control/],
    [{ x: '$ENV(HOME)' }, /reference/],
    [{ x: '$(executable)' }, /reference/],
    [{ x: 'end \\' }, /backslash/],
    [{ x: ['a'] }, /no text/],
    [{ x: null }, /no text/],
    [{ 'a b': 1 }, /name/],
    [{ ProcId: 1 }, /name/],
    [['a'], /no text/],
  ])('the item %j', (item, message) => {
    const input = { description: `${sleep}arguments = $(x:none)`, items: [item] };
    expect(thrown(input)).toMatchObject({ message: expect.stringMatching(message) as string });
  });
});

describe('files of the submit host', () => {
  test.each([
    'input = /etc/passwd',
    'output = out.txt',
    'error = /tmp/err',
    'log = job.log',
    'initialdir = /root',
    'transfer_input_files = /etc/shadow',
    'transfer_input_files = https://example.test/a, /etc/shadow',
    'transfer_input_files = file:///etc/shadow',
    'transfer_output_files = result.txt',
    'transfer_output_remaps = "a = /etc/cron.d/a"',
    'output_destination = file:///etc',
    'output_destination = /var/spool',
    'container_image = image.sif',
    'should_transfer_files = NO',
    'should_transfer_files = IF_NEEDED',
  ])('%s is refused where no folder is set up for jobs', (command) => {
    expect(thrown(`${sleep}${command}`)).toMatchObject({ code: 'FORBIDDEN' });
  });

  test.each([
    'input = /etc/passwd',
    'input = ../../.ssh/id_rsa',
    'input = a/../../../.ssh/id_rsa',
    'input = /home/alice/jobs/../.ssh/id_rsa',
    'input = /home/alice/jobs-of-bob/x',
    'input = ~/x',
    'input = $(dir)/x',
    'output = /etc/cron.d/x',
    'error = ..',
    'log = /var/log/x',
    'initialdir = /root',
    'initialdir = ..',
    'transfer_input_files = a, b, /etc/shadow',
    'transfer_input_files = file:///etc/shadow',
    'transfer_input_files = FILE:/etc/shadow',
    'transfer_input_files = a"b',
    'transfer_output_files = /etc/shadow',
    'transfer_output_files = ../x',
    'transfer_output_remaps = "a = ../../x"',
    'transfer_output_remaps = "a = b; c = /etc/x"',
    'transfer_output_remaps = a\\=b = c',
    'container_image = ../image.sif',
  ])('%s leads out of the folder', (command) => {
    const way = `dir = ../..\n${sleep}${command}\n+Dir = "$(dir)"`;
    expect(thrown(way, withFolder)).toMatchObject({ path: ['description'] });
  });

  test('of the folder are named by their full path', () => {
    const description = `${sleep}initialdir = run
output = out.$(ProcId)
log = /home/alice/jobs/all.log
transfer_input_files = data/, https://example.test/x, /home/alice/jobs/y
transfer_output_remaps = "a = results/a; b = https://example.test/b"
`;
    expect(lines(description, withFolder)).toEqual(
      expect.arrayContaining([
        'initialdir = /home/alice/jobs/run',
        'output = /home/alice/jobs/run/out.$(ProcId)',
        'log = /home/alice/jobs/all.log',
        'transfer_input_files = /home/alice/jobs/run/data/, https://example.test/x, /home/alice/jobs/y',
        'transfer_output_remaps = "a = /home/alice/jobs/run/results/a; b = https://example.test/b"',
        'should_transfer_files = YES',
      ]),
    );
  });

  test('a program is one of the machine that runs the job, unless it may be sent along', () => {
    const program = (executable: string, rules: SubmitRules, more = '') =>
      lines(`executable = ${executable}\n${more}`, rules).filter((line) => /executable/.test(line));
    const tools = { ...bare, executables: ['/opt/tools/*/run'] };
    const here = ['executable = /usr/bin/python3', 'transfer_executable = false'];
    expect(program('/usr/bin/python3', bare)).toEqual(here);
    expect(program('/usr/bin/python3', bare, 'transfer_executable = true')).toEqual(here);
    expect(program('/opt/tools/a/run', tools)).toContain('transfer_executable = true');
    expect(program('/opt/tools/a/b/run', tools)).toContain('transfer_executable = false');
    expect(program('/opt/tools/a/run', tools, 'transfer_executable = false')).toContain(
      'transfer_executable = false',
    );
    expect(program('run.sh', withFolder)).toEqual([
      'executable = /home/alice/jobs/run.sh',
      'transfer_executable = true',
    ]);
    for (const path of ['run.sh', '../x', '/opt/tools/../../bin/x', 'a|b', '']) {
      expect(thrown(`executable = ${path}`, tools), path).toMatchObject({ name: 'GridError' });
    }
    expect(thrown('arguments = 1')).toMatchObject({ message: /names no executable/ });
  });

  test('a container may bring its own program; an image file is one of the machine that runs it', () => {
    expect(lines('universe = docker\ndocker_image = debian')).toContain('docker_image = debian');
    const image = lines('universe = container\ncontainer_image = /cvmfs/images/a.sif');
    expect(image).toContain('transfer_container = false');
  });

  test('without a folder nothing is brought back, so that no job is held for it', () => {
    expect(lines(sleep)).toEqual(
      expect.arrayContaining([
        'initialdir = /',
        'transfer_output_files = ""',
        'should_transfer_files = YES',
      ]),
    );
    const away = lines(`${sleep}output_destination = https://example.test/out/`);
    expect(away).not.toContain('transfer_output_files = ""');
  });
});

describe('a description', () => {
  test('may have comments, long lines, names of its own, defaults and one queue', () => {
    const description = `# a job
executable = /bin/echo
word = hello
arguments = $(word) \\
  # between
  $(name:nobody) $(ProcId) $$(Memory) costs $5
My.Project = "x"
queue 3
`;
    expect(lines(description)).toEqual([
      'executable = /bin/echo',
      'arguments = hello nobody $(ProcId) $$(Memory) costs $5',
      'MY.Project = "x"',
      'initialdir = /',
      'transfer_executable = false',
      'transfer_output_files = ""',
      'should_transfer_files = YES',
      'queue 3',
    ]);
  });

  test.each([
    [{ count: 0 }, 'BAD_USER_INPUT'],
    [{ count: 1.5 }, 'BAD_USER_INPUT'],
    [{ count: 1001 }, 'LIMIT_EXCEEDED'],
    [{ count: 2, items: Array(501).fill(1) }, 'LIMIT_EXCEEDED'],
    [{ description: `${sleep}queue 2`, count: 3 }, 'BAD_USER_INPUT'],
    [{ description: `${sleep}# ${'x'.repeat(70_000)}` }, 'LIMIT_EXCEEDED'],
    [{ description: `${sleep}${'a = 1\n'.repeat(3000)}` }, 'LIMIT_EXCEEDED'],
    [{ attributes: { executable: '/bin/sleep' } }, 'BAD_USER_INPUT'],
  ])('with %o is refused (%s)', (input, code) => {
    expect(thrown({ description: sleep, ...input })).toMatchObject({ code });
  });

  test('that grows without end is stopped', () => {
    const names = Array.from({ length: 25 }, (_, i) => `v${i} = $(v${i + 1})$(v${i + 1})`);
    const laughs = `${sleep}${names.join('\n')}\nv25 = ha\narguments = $(v0)`;
    expect(thrown(laughs)).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    const silent = laughs.replace('v25 = ha', 'v25 = $(x:)');
    expect(written(silent)).toContain('queue 1');
  });

  test('whose items make it too much is stopped before it is made', () => {
    const long = { x: 'x'.repeat(30_000) };
    const many = { ...bare, maxJobs: 10_000 };
    const items = Array.from({ length: 2_000 }, () => long);
    expect(thrown({ description: `${sleep}arguments = $(x)`, items }, many)).toMatchObject({
      code: 'LIMIT_EXCEEDED',
    });
    const wide = Array.from({ length: 100 }, (_, i) => `+A${i} = 1`).join('\n');
    const input = { description: `${sleep}${wide}`, items: Array.from({ length: 5_000 }, () => 1) };
    expect(thrown(input, many)).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    const references = `arguments = ${'$(x)'.repeat(10_000)}`;
    expect(thrown({ description: `${sleep}${references}`, items: [long] })).toMatchObject({
      code: 'LIMIT_EXCEEDED',
    });
    const attributes = { executable: '/bin/x', arguments: 'x'.repeat(40_000) };
    expect(thrown({ attributes })).toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  test('where an item leaves a command empty and another does not is refused', () => {
    const input = { description: `${sleep}arguments = $(x)`, items: [{ x: 'a' }, { x: '' }] };
    expect(thrown(input)).toMatchObject({ path: ['items', '1'] });
  });
});

test('docs/security.md lists every submit command that is taken, and no other', () => {
  const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
  const [, list = ''] = /not in this list:\n([^]*?)\n\n`stdin`/.exec(page) ?? [];
  expect([...list.matchAll(/`([^`]*)`/g)].map(([, name]) => name)).toEqual(submitCommands);
});

/** What a hostile or careless client may write: all words of the language in any order. */
const word = fc.oneof(
  fc.constantFrom(
    '$ENV(HOME)', '$(x)', '$$(x)', '$$$(x)', '$(', ')', '$', '$$', '|', '`id`', '$(id)', '../..', '/etc/passwd', '"', "'", '\\', ';',
    ',', '=', '@=', '#', '$F(x)', '$(DOLLAR)', '$(ProcId)', '$RANDOM_INTEGER(1,2)', '\n', '\r', '\u0000', '\u2028', '(', 'queue', 'é',
  ),
  fc.string({ maxLength: 6 }),
); // prettier-ignore
const text = fc.array(word, { maxLength: 6 }).map((words) => words.join(''));
const command = fc.constantFrom(
  ...submitCommands, 'x', 'y', '+Mine', 'MY.Other', 'getenv', 'include ', 'queue', 'use', 'if', 'x509userproxy',
  '+Cmd', 'hook_keyword', 'queue 5 x from cat |', 'include : ', 'request_licences', 'log_xml',
); // prettier-ignore
const statement = fc
  .tuple(command, fc.constantFrom(' = ', '=', ' ', ' @= '), text)
  .map((parts) => parts.join(''));
const hostileInput = fc.record({
  description: fc
    .array(statement, { maxLength: 8 })
    .map((all) => `executable = /bin/x\n${all.join('\n')}`),
  items: fc.option(
    fc.array(fc.oneof(text, fc.record({ x: text, y: text })), { minLength: 1, maxLength: 3 }),
    { nil: undefined },
  ),
});

describe('whatever is written', () => {
  const commands = new Set([...submitCommands, 'transfer_container']);
  const row = /^\d+( .*)?$/;

  /** Every line is a command of the list, an attribute, a variable of ours or a row of our queue. */
  function checkWritten(output: string, folder: string | undefined): void {
    const [body = '', queue = '', ...rows] = output.split(/^(queue .*)$/m);
    for (const line of body.split('\n').filter((each) => each !== '')) {
      const [, name = '', value = ''] = /^(\S+) = (.*)$/.exec(line) ?? [];
      const ours = /^htcgraphvalue\d+x\d+$/.test(name);
      expect(
        ours || name.startsWith('MY.') || commands.has(name) || /^request_\w+$/.test(name),
        line,
      ).toBe(true);
      checkValue(value, line);
      if (
        ['input', 'output', 'error', 'log', 'initialdir'].includes(name) &&
        !value.startsWith('$(htc')
      ) {
        const allowed =
          value === '/dev/null' ||
          value === '/' ||
          (folder !== undefined && `${value}/`.startsWith(`${folder}/`));
        expect(allowed, line).toBe(true);
      }
    }
    expect(queue).toMatch(/^queue \d+( htcgraphitem(,htcgraphvalue)? from \()?$/);
    for (const line of rows
      .join('')
      .split('\n')
      .filter((each) => each !== '' && each !== ')')) {
      expect(line).toMatch(row);
      checkValue(line, line);
    }
  }

  function checkValue(value: string, line: string): void {
    // As HTCondor reads it: dollars in pairs from the left are text, or left to the match.
    const known = value
      .replaceAll('$$', '\u0001')
      .replaceAll(
        /\$\((ProcId|ClusterId|Step|htcgraphvalue)\)|\$\(htcgraphvalue\d+x\$\(htcgraphitem\)\)/g,
        '',
      );
    expect(/\$[A-Za-z_]*\(/.test(known), line).toBe(false);
    expect(value.endsWith('\\'), line).toBe(false);
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    expect(/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value), line).toBe(false);
  }

  test.each([
    ['no folder', bare],
    ['a folder', withFolder],
  ])('only known commands without references reach stdin (%s)', (_name, rules) => {
    fc.assert(
      fc.property(hostileInput, (input) => {
        const answer = thrown(input, rules);
        if (typeof answer === 'string') checkWritten(answer, rules.directory);
        else expect(answer).toMatchObject({ name: 'GridError' });
      }),
      { numRuns: 1_500 },
    );
  });

  test('in values of items and of JSON commands stays a value', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), text, (items, value) => {
        const attributes = {
          executable: '/bin/x',
          arguments: ['$(Item)', value],
          environment: { A: value },
          '+Mine': value,
          description: value,
        };
        const answer = thrown({ attributes, items });
        if (typeof answer === 'string') checkWritten(answer, undefined);
        else expect(answer).toMatchObject({ name: 'GridError' });
      }),
      { numRuns: 1_000 },
    );
  });
});
