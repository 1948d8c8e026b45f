/** The submission object of the data plane, field for field what HTC-Grid's client writes and its Lambda and workers read. */
import { z } from 'zod';

export function submissionPayload(
  session: string,
  taskIds: readonly string[],
  priority: number,
  now: number,
): unknown {
  const at = (label: string, tstmp = 0) => ({ label, tstmp });
  return {
    session_id: session,
    scheduler_data: {
      task_timeout_sec: 3600,
      retry_count: 5,
      tstamp_api_grid_connector_ms: 0,
      tstamp_agent_read_from_sqs_ms: 0,
    },
    stats: {
      stage1_grid_api_01_task_creation_tstmp: at(' ', now),
      stage1_grid_api_02_task_submission_tstmp: at('upload_data_to_storage', now),
      stage2_sbmtlmba_01_invocation_tstmp: at('grid_api_2_lambda_ms'),
      stage2_sbmtlmba_02_before_batch_write_tstmp: at('task_construction_ms'),
      stage3_agent_01_task_acquired_sqs_tstmp: at('sqs_queuing_time_ms'),
      stage3_agent_02_task_acquired_ddb_tstmp: at('ddb_task_claiming_time_ms'),
      stage4_agent_01_user_code_finished_tstmp: at('user_code_exec_time_ms'),
      stage4_agent_02_S3_stdout_delivered_tstmp: at('S3_stdout_upload_time_ms'),
    },
    tasks_list: { tasks: taskIds },
    ...(priority === 0 ? {} : { context: { tasks_priority: priority } }),
  };
}

const shape = z.looseObject({ tasks_list: z.looseObject({ tasks: z.array(z.string()) }) });

/** How many tasks a submission has; undefined for what is not one. */
export function tasksOfPayload(text: string): number | undefined {
  try {
    return shape.safeParse(JSON.parse(text)).data?.tasks_list.tasks.length;
  } catch {
    return undefined;
  }
}
