/** The submit commands that a client may use. What is not here is refused: a closed list, documented in docs/security.md. */

/** Taken as they are: resources, policy, description, what the job is called with. */
const plain = [
  'accounting_group', 'allowed_execute_duration', 'allowed_job_duration', 'arguments', 'batch_name',
  'checkpoint_exit_code', 'concurrency_limits', 'cron_day_of_month', 'cron_day_of_week', 'cron_hour',
  'cron_minute', 'cron_month', 'cron_prep_time', 'cron_window', 'deferral_prep_time', 'deferral_time',
  'deferral_window', 'description', 'docker_image', 'docker_pull_policy', 'environment',
  'erase_output_and_error_on_restart', 'gpus_maximum_capability', 'gpus_minimum_capability',
  'gpus_minimum_memory', 'gpus_minimum_runtime', 'hold', 'hold_kill_sig', 'image_size', 'job_lease_duration',
  'job_machine_attrs', 'job_machine_attrs_history_length', 'job_max_vacate_time', 'keep_claim_idle', 'kill_sig',
  'kill_sig_timeout', 'leave_in_queue', 'max_job_retirement_time', 'max_retries', 'max_transfer_input_mb',
  'max_transfer_output_mb', 'next_job_start_delay', 'nice_user', 'on_exit_hold', 'on_exit_hold_reason',
  'on_exit_hold_subcode', 'on_exit_remove', 'periodic_hold', 'periodic_hold_reason', 'periodic_hold_subcode',
  'periodic_release', 'periodic_remove', 'periodic_vacate', 'preserve_relative_paths', 'priority', 'rank',
  'remove_kill_sig', 'request_cpus', 'request_disk', 'request_gpus', 'request_memory', 'require_gpus',
  'requirements', 'retry_until', 'stream_error', 'stream_output', 'success_exit_code',
  'want_graceful_removal', 'when_to_transfer_output',
] as const; // prettier-ignore

/** Taken with a look at what they name: `files.ts` says what of it is allowed. */
const checked = [
  'container_image', 'error', 'executable', 'initialdir', 'input', 'log', 'output', 'output_destination',
  'should_transfer_files', 'transfer_executable', 'transfer_input_files', 'transfer_output_files',
  'transfer_output_remaps', 'universe',
] as const; // prettier-ignore

export const submitCommands: readonly string[] = [...plain, ...checked].sort();

/** Other spellings of the same. */
const aliases: Readonly<Record<string, string>> = {
  env: 'environment',
  initial_dir: 'initialdir',
  prio: 'priority',
  stderr: 'error',
  stdin: 'input',
  stdout: 'output',
};

/** Why some commands that people do use are not taken. */
const reasons: Readonly<Record<string, string>> = {
  accounting_group_user: "would charge somebody else's share",
  batch_id: 'is given by the pool',
  getenv: 'would hand out the environment of the server; name variables in `environment`',
  include: 'would read a file of the server',
  jar_files: 'belongs to a universe that is not offered',
  max_idle: 'makes a job factory, which this server does not offer',
  max_materialize: 'makes a job factory, which this server does not offer',
  notification: 'would send mail from the pool',
  notify_user: 'would send mail from the pool',
  queue: 'is no command with a value; use `items` and `count`',
  run_as_owner: 'decides about the account of the job',
  use: "would take parts of the server's configuration",
  use_x509userproxy: 'uses a credential of the server',
  x509userproxy: 'uses a credential of the server',
};

const known: ReadonlySet<string> = new Set(submitCommands);
/** Custom resources of a pool: `request_licences`. */
const customResource = /^(request|require)_[a-z][a-z0-9_]{0,60}$/;

/** The command by its one name, or undefined where a client may not use it. */
export function commandOf(name: string): string | undefined {
  const lower = name.toLowerCase();
  const command = Object.hasOwn(aliases, lower) ? aliases[lower] : lower;
  if (command === undefined) return undefined;
  return known.has(command) || customResource.test(command) ? command : undefined;
}

export function reasonAgainst(name: string): string | undefined {
  const lower = name.toLowerCase();
  if (Object.hasOwn(reasons, lower)) return reasons[lower];
  return otherCommand.test(lower) ? 'is not offered: it reaches beyond the job itself' : undefined;
}

/** Families of condor_submit's other commands: never variables by mistake. */
const otherCommand =
  /^(allow_|append_|arc_|arguments2|aws_|azure_|batch_|boinc_|buffer_|checkpoint_destination|cloud_|common_input|compress_|container_|copy_to|core|dag|delegate_|docker_|dont_encrypt|ec2_|email_|encrypt_|environment2|fetch_|file_remaps|gce_|get_env|grid_|gs_|hook|if$|interactive|java_|job_ad_|job_iwd|jobset|keystore|load_profile|local_files|log_|machine_count|manifest|my\.|myproxy|noop|nordugrid|notify|on_evict|oauth|parallel_|primary_unix|public_input|remote_|rendezvous|run_as|s3_|scitoken|send_|shell$|skip_|spool|stack_size|starter_|stream_input|submit_event|suspend_job|tool_daemon|transfer_|transform_|ulog_|use_|vm_|want_io|want_name|x509|xen_)/;
