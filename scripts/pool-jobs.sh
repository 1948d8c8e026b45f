# The jobs of a test pool; sourced by scripts/pool.
# Every seed job carries +HtcGraphSeed = "<name>", so that tests find it whatever its cluster id.
# shellcheck shell=bash disable=SC2154

queued_seeds='idle idle-memory batch running running-bob held-by-user held-on-submit left-completed awkward bad-utf8 gpu accounting scheduler'
ended_seeds='exit-0 exit-3 signal-9 removed'
running_seeds='regexp("^running", HtcGraphSeed)'

# submit USER NAME [QUEUE] <<SUBMIT-FILE : prints the cluster id.
submit() {
  local user=$1 name=$2 queue=${3:-queue}
  {
    cat
    printf '+HtcGraphSeed = "%s"\n%s\n' "$name" "$queue"
  } | as "$user" condor_submit -terse - | sed -E 's/^([0-9]+)\..*/\1/'
}

names_in() {
  inside "$@" -constraint 'HtcGraphSeed isnt undefined' -af HtcGraphSeed 2>/dev/null | sort -u
}

# seeds_in 'NAMES' COMMAND... : whether every name is listed by the command.
seeds_in() {
  local wanted=$1
  shift
  [ -z "$(comm -23 <(tr ' ' '\n' <<<"$wanted" | sort) <(names_in "$@"))" ]
}
all_queued() { seeds_in "$queued_seeds" condor_q -allusers; }
all_ended() { seeds_in "$ended_seeds" condor_history; }

seed() {
  master_pid >/dev/null || fail "the pool in $dir does not run"
  forget_history
  if all_queued && all_ended; then
    seed_runs || restart_running
    say 'the seed is there'
    return
  fi
  inside condor_rm -constraint 'HtcGraphSeed isnt undefined' >/dev/null 2>&1 || true # half a seed
  seed_ending
  seed_running
  seed_idle
  seed_held
  seed_odd
  poll 90 all_queued || fail 'the seed did not appear in the queue'
  poll 90 all_ended || fail 'the ended jobs of the seed did not reach the history'
  poll 60 seed_runs || fail 'the running jobs of the seed did not start'
  say "seeded: $queued_seeds (queue), $ended_seeds (history)"
}

# Each run of the tests leaves thousands of records, and a look-up of a job that never was reads them all. Those of the
# seed are kept. A record ends with a line of three stars that tells where it began.
forget_history() {
  local spool file
  [ "$(cat "$dir"/var/spool/condor*/history* 2>/dev/null | wc -c)" -gt 4000000 ] || return 0
  say 'dropping the history of earlier runs'
  stop
  for spool in "$dir"/var/spool/condor*; do
    [ -e "$spool/history" ] || continue
    for file in "$spool"/history.* "$spool/history"; do
      if [ -e "$file" ]; then cat "$file"; fi
    done | LC_ALL=C awk '
      { ad = ad $0 "\n" }
      /^\*\*\* / {
        sub(/\*\*\* Offset = [0-9]+/, "*** Offset = " at, ad)
        if (ad ~ /\nHtcGraphSeed = /) { printf "%s", ad; at += length(ad) }
        ad = ""
      }
      BEGIN { at = 0 }' >"$spool/kept"
    rm -f "$spool"/history.*
    cat "$spool/kept" >"$spool/history" # its owner stays
    rm -f "$spool/kept"
  done
  start
}

seed_runs() {
  local jobs
  jobs=$(inside condor_q -allusers -constraint "JobStatus == 2 && $running_seeds" -af GlobalJobId | sort)
  [ "$(wc -w <<<"$jobs")" = 2 ] &&
    [ -z "$(comm -23 - <(inside condor_status -slot -af GlobalJobId | sort) <<<"$jobs")" ]
}

# After a pool was killed, its shadows look for the lost slots until the jobs' lease of 40 minutes ends, and hold and
# vacate wait for them. A job whose shadow is killed is started again at once.
restart_running() {
  local shadow
  say 'starting the running jobs of the seed again'
  for shadow in $(pgrep -x condor_shadow); do
    if [ "$(readlink "/proc/$shadow/root")" = "$dir" ]; then kill -KILL "$shadow"; fi
  done
  poll 60 seed_runs || fail 'the running jobs of the seed did not start again'
}

# Jobs that end at once. Their priority puts them before jobs that no slot matches.
seed_ending() {
  local name code
  for name in exit-0:0 exit-3:3 signal-9:kill; do
    code=${name#*:}
    submit alice "${name%:*}" <<JOB >/dev/null
executable = /bin/sh
transfer_executable = false
arguments = "-c '$([ "$code" = kill ] && echo 'kill -9 $$' || echo "exit $code")'"
priority = 50
request_memory = 64MB
JOB
  done
  submit bob left-completed <<'JOB' >/dev/null
executable = /bin/true
transfer_executable = false
leave_in_queue = true
priority = 50
JOB
  local cluster
  cluster=$(submit bob removed <<'JOB'
executable = /bin/sleep
arguments = 1
transfer_executable = false
requirements = false
JOB
  )
  as bob condor_rm -reason 'No longer needed' "$cluster" >/dev/null
}

seed_running() {
  submit alice running <<'JOB' >/dev/null
executable = /bin/sleep
arguments = infinity
transfer_executable = false
priority = 40
request_memory = 128MB
batch_name = long simulation
JOB
  submit bob running-bob <<'JOB' >/dev/null
executable = /bin/sleep
arguments = infinity
transfer_executable = false
priority = 40
JOB
  submit bob scheduler <<'JOB' >/dev/null
universe = scheduler
executable = /bin/sleep
arguments = infinity
JOB
}

seed_idle() {
  submit alice idle <<'JOB' >/dev/null
executable = /bin/sleep
arguments = 60
transfer_executable = false
requirements = false
JOB
  submit bob idle-memory <<'JOB' >/dev/null
executable = /bin/sleep
arguments = 60
transfer_executable = false
requirements = false
request_memory = 512MB
request_cpus = 2
priority = -5
JOB
  submit alice batch 'queue 5' <<'JOB' >/dev/null
executable = /bin/sleep
arguments = $(Process)
transfer_executable = false
requirements = false
batch_name = nightly build
priority = 7
JOB
  submit bob gpu <<'JOB' >/dev/null
executable = /bin/sleep
arguments = 60
transfer_executable = false
request_gpus = 2
request_memory = 2GB
requirements = regexp("^gpu", Machine)
rank = Memory * 2
concurrency_limits = db:2,license
description = a GPU job
JOB
  submit alice accounting <<'JOB' >/dev/null
executable = /bin/sleep
arguments = 60
transfer_executable = false
requirements = false
accounting_group = physics.atlas
accounting_group_user = alice
JOB
}

seed_held() {
  local cluster
  cluster=$(submit alice held-by-user <<'JOB'
executable = /bin/sleep
arguments = 60
transfer_executable = false
requirements = false
JOB
  )
  as alice condor_hold -reason 'Waiting for the input files' -subcode 7 "$cluster" >/dev/null
  submit bob held-on-submit <<'JOB' >/dev/null
executable = /bin/sleep
arguments = 60
transfer_executable = false
hold = true
JOB
}

# Values that break readers: text that looks like an expression, integers above 2^53, bytes that are not UTF-8.
seed_odd() {
  local cluster
  submit alice awkward <<'JOB' >/dev/null
executable = /bin/sleep
arguments = "100 'héllo wörld' 'quo''te' 'dbl""q' 'back\slash' '日本語 🎉' '<a&b>'"
environment = "A=1 UNI='żółć' Q='it''s' D=""dq"" SEMI=';'"
transfer_executable = false
hold = true
batch_name = "batch \"q\" ü"
+MyString = "plain"
+MyQuoted = "say \"hi\" \\ back/slash"
+MyUnicode = "żółć 日本語 🎉"
+MyFakeExpr = "/Expr(x)/"
+MyExpr = MyInt + 1
+MyInt = 42
+MyBigInt = 9223372036854775807
+MyBig53 = 9007199254740993
+MyReal = 3.14
+MyRealWhole = 2.0
+MyBool = true
+MyUndefined = undefined
+MyError = error
+MyList = {1, 2.5, "three", true, undefined, {4, 5}}
+MyNested = [ a = 1; b = "two"; c = [ d = 3.5; e = {1, 2} ] ]
+MyNewline = "line1\nline2\ttab"
+MyEmpty = ""
+MyTime = absTime("2024-01-02T03:04:05Z")
+MyNaN = real("NaN")
JOB
  cluster=$(submit alice bad-utf8 <<'JOB'
executable = /bin/sleep
arguments = 60
transfer_executable = false
hold = true
JOB
  )
  as alice condor_qedit "$cluster" BadUtf $'"bad \xff\xfe bytes"' >/dev/null
}

# ---- a full queue for benches ------------------------------------------------------------------------------------

# Of the totals only the plain ones honour the constraint; AllusersJobs counts everything.
loaded() { inside condor_q -allusers -constraint 'HtcGraphLoad =?= true' -totals -json | sed -nE 's/^ *"Jobs": *([0-9]+).*/\1/p'; }

# Tens of thousands of ended jobs would push everything else out of the history and the event log.
quietly() {
  local rc=0
  quiet=$dir/etc/condor/config.d/99-quiet
  trap 'rm -f "$quiet"' EXIT # also when interrupted; the next reconfig or start finds the logs on
  printf 'HISTORY =\nEVENT_LOG =\n' >"$quiet"
  inside condor_reconfig >/dev/null
  "$@" || rc=$?
  rm -f "$quiet"
  trap - EXIT
  inside condor_reconfig >/dev/null
  return "$rc"
}

submit_load() {
  local user=$1 jobs=$2
  as "$user" condor_submit -terse - <<JOB >/dev/null
executable = /bin/sleep
arguments = 60
transfer_executable = false
requirements = false
+HtcGraphLoad = true
queue $jobs
JOB
}
submit_loads() { submit_load alice $(($1 / 2 + $1 % 2)) && { [ "$1" = 1 ] || submit_load bob $(($1 / 2)); }; }
remove_loads() {
  inside condor_rm -constraint 'HtcGraphLoad =?= true' >/dev/null || true # fails when there is none
  poll 300 no_load
}
no_load() { [ "$(loaded)" = 0 ]; }

load() {
  local wanted=$1 present
  master_pid >/dev/null || fail "the pool in $dir does not run"
  present=$(loaded)
  if [ "$present" = "$wanted" ]; then
    say "$wanted idle jobs are there"
    return
  fi
  [ "$present" = 0 ] || quietly remove_loads || fail 'the old load could not be removed'
  quietly submit_loads "$wanted" || fail 'the load could not be submitted'
  say "$wanted idle jobs submitted"
}

unload() {
  master_pid >/dev/null || fail "the pool in $dir does not run"
  quietly remove_loads || fail 'the load could not be removed'
  say 'the load is gone'
}
