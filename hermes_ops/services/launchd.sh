# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Look at the jobs of launchd, of a user or of the system.
#
# launchctl's exit code is what counts; what it prints may change with any release of macOS. So it
# is never at the head of a pipe, and what cannot be parsed is unknown, not absent.

launchd_name=launchd
launchd_ctl() {
  if [ -n "$launchd_watched" ]; then /bin/launchctl "$@" </dev/null; else limited $launchd_patience /bin/launchctl "$@" </dev/null; fi
}
# A Mac has no `timeout`: what stands in for it costs a process for each call. So one watches over all
# calls of a look.
launchd_patience=30 # seconds
launchd_watched=
launchd_watching() { # FUNCTION WORDS...
  if [ -n "$launchd_watched" ] || has timeout; then "$@"; return; fi
  launchd_end_after $launchd_patience >/dev/null 2>&1 &
  launchd_watched=$!
  "$@"
  watch_code=$?
  kill "$launchd_watched" 2>/dev/null
  launchd_watched=
  return $watch_code
}
launchd_end_after() { # SECONDS: ends what still runs of launchctl by then, again and again
  before=$!
  trap '[ "$!" = "$before" ] || kill "$!"; exit' TERM
  signal=TERM
  while :; do
    sleep "$1" &
    wait "$!"
    for late in $(ps -A -o pid= -o ppid= -o command= | awk -v top=$$ '
      { above[$1] = $2 }
      index($0, "/bin/launchctl ") { late[$1] }
      END { for (pid in late) { for (up = pid; up > 1 && up != top; up = above[up]); if (up == top) print pid } }'); do
      kill -$signal "$late"
    done
    set -- 5
    signal=KILL
  done
}

unheard= # a question to launchctl, and how it ended, if that says nothing of a job
not_heard() { # CODE TARGET
  case $1 in
    0) unheard="print $2 told no state" ;;
    137 | 143) unheard="print $2 was ended after $launchd_patience s" ;;
    *) unheard="print $2 ended with $1" ;;
  esac
  return 1
}

# A job may be in the domain of the session at the screen (gui/UID), in that of the user (user/UID),
# or in both. What the caller's own session is, as `managername` tells, says nothing about that.
launchd_domains() { # sets `domains`, in which to look, and `domain`, in which a job belongs
  [ -z "$domains" ] || return 0
  at_screen=$(launchd_ctl print "gui/$uid" 2>/dev/null)
  screen_code=$?
  case $screen_code in
    0) domains="gui/$uid user/$uid" ;;
    1 | 5 | 112 | 113 | 125) domains=user/$uid ;;
    *) not_heard $screen_code "gui/$uid"; return ;; # it hangs, or was killed
  esac
  domain=${domains%% *}
}
domains=
at_screen= # what it printed of that domain
launchd_disabled() { # sets `disabled`: the labels that may not be loaded, whatever loads them
  [ -z "$disabled" ] || return 0
  disabled=$(launchd_ctl print-disabled "$domain" 2>/dev/null) || disabled=unknown
  disabled=${disabled:-none}
}
disabled=
is_disabled() { # LABEL
  launchd_disabled
  case $disabled in *"\"$1\" => disabled"* | *"\"$1\" => true"*) ;; *) return 1 ;; esac
}

# What is known of a job: `at` (domains in which it is loaded), `job_*`, and `activity` in the words
# of `ManagerReport`. Fails if launchd does not answer, or not in a way that can be understood.
launchd_job() { # LABEL
  at=
  job_others=
  job_pid=
  job_patience=25
  job_pause=10
  forget_job
  for where in $domains; do
    said=$(launchd_ctl print "$where/$1" 2>/dev/null)
    print_code=$?
    case $print_code in
      0) ;;
      112 | 113 | 125) continue ;;
      *) not_heard $print_code "$where/$1"; return ;;
    esac
    at="$at $where"
    if [ -n "$job_pid" ]; then
      job_others="$job_others $(printf '%s\n' "$said" | sed -n "s/^${tab}pid = \([1-9][0-9]*\)\$/\1/p" | tail -n 1)"
    else
      forget_job
      read_job
      [ -n "$job_state" ] || { not_heard 0 "$where/$1"; return; }
    fi
  done
  at=${at# }
  launchd_activity
}
forget_job() {
  job_state=
  job_code=
  job_signal=
  job_runs=
  job_path=
  job_home=
  job_words=
  job_setup=
}
# Only lines with one tab are the job's own. An argument may have lines that look the same: `state`
# and `path` come before all arguments, and the others behind the last `domain`.
read_job() { # reads `said`
  part=
  set -f
  IFS=$newline
  for line in $said; do
    case $part:$line in
      *":$tab}") part= ;;
      "arguments:$tab$tab"*) job_words="$job_words ${line#"$tab$tab"}" ;;
      "environment:$tab${tab}HERMES_HOME => "*) job_home=${line#*=> } ;;
      *":${tab}arguments = {" | *":${tab}environment = {") part=${line#"$tab"} part=${part%% *} ;;
      *":${tab}state = "*) job_state=${job_state:-${line#*= }} ;;
      *":${tab}path = "*) job_path=${job_path:-${line#*= }} ;;
      *":${tab}domain = "*)
        job_pid=
        job_code=
        job_signal=
        job_runs=
        job_setup=
        ;;
      *":${tab}pid = "[1-9]*) job_pid=${line#*= } ;;
      *":${tab}runs = "[0-9]*) job_runs=${line#*= } ;;
      *":${tab}exit timeout = "[0-9]*) job_patience=${line#*= } ;;
      *":${tab}minimum runtime = "[0-9]*) job_pause=${line#*= } ;;
      *":${tab}last exit code = "[0-9]*) job_code=${line#*= } job_code=${job_code%%:*} job_signal= ;;
      *":${tab}last terminating signal = "*) job_signal=${line##*: } job_code= ;;
      *":${tab}job state = spawn failed") job_setup=failed ;;
    esac
  done
  unset IFS
  set +f
  case $job_pid in *[!0-9]*) job_pid= ;; esac
}
launchd_activity() {
  case ${at:+$job_state}:$job_pid:$job_setup in
    :*) activity=inactive ;;
    SIGTERMed:* | SIGKILLed:*) activity=deactivating ;;
    *:[1-9]*) activity=active ;;
    *:failed) activity=failed ;; # it could not be set up, and is tried again and again
    'spawn scheduled'* | spawning:* | xpcproxy:*) activity=activating ;;
    *) activity=failed ;;
  esac
}

launchd_look() { # LABEL...; one with a * stands for all gateways
  jobs=
  [ $# -gt 0 ] && [ -x /bin/launchctl ] || return 0
  launchd_watching launchd_look_at "$@"
}
launchd_look_at() {
  launchd_domains || { say "mute $launchd_name launchctl $unheard"; return; }
  seen_jobs=' '
  for label; do
    case $label in *\**) launchd_strangers ;; esac
  done
  # shellcheck disable=SC2086 # labels without blanks
  set -- "$@" $strange_jobs
  launchd_sum "$@"
  for label; do
    case $label$seen_jobs in *\** | *" $label "*) continue ;; esac
    seen_jobs="$seen_jobs$label "
    launchd_job "$label" || { say "mute $launchd_name launchctl $unheard"; return; }
    launchd_tell "$label"
  done
  begin manager $launchd_name
  printf '%s' "$jobs"
  end
}
strange_jobs=
launchd_strangers() { # the gateways that have a plist, or that launchd knows without one
  strange_jobs=
  for path in "$launchd_agents"/ai.hermes.gateway*.plist; do
    [ ! -e "$path" ] || { path=${path##*/}; strange_jobs="$strange_jobs ${path%.plist}"; }
  done
  said=
  for where in $domains; do
    case $where in
      gui/*) said=$said$at_screen$newline ;;
      *) said=$said$(launchd_ctl print "$where" 2>/dev/null)$newline ;;
    esac
  done
  strange_jobs="$strange_jobs $(printf '%s' "$said" |
    sed -n "s/^$tab$tab *[0-9][0-9]* .*$tab *\(ai\.hermes\.gateway[A-Za-z0-9._-]*\)\$/\1/p")"
}
launchd_tell() { # LABEL: adds its block to `jobs`, and its processes to `pids`
  launchd_compare "$1"
  launchd_again "$1"
  barred=
  ! is_disabled "$1" || barred=yes
  [ "$disabled" != unknown ] || barred=unknown
  [ -n "$at$sum$note$barred" ] || return 0
  jobs="${jobs}Id=$1
Activity=$activity
Domains=$at
Belongs=$domain
State=$job_state
MainPID=$job_pid
Code=$job_code
Signal=$job_signal
Setup=$job_setup
Runs=$job_runs
Restarts=$restarted
Ordered=$ordered
Starts=$starts
Path=$job_path
Command=${job_words# }
HermesHome=$job_home
Patience=$job_patience
Disabled=$barred
Unread=$unread
Note=$note

"
  pids="$pids${job_pid:+ $job_pid}$job_others"
}
# launchd counts every run since it loaded the job, those too that were ordered. So each order notes
# how many there were (`launchd_count`). The times of restarts are known from the gateway alone.
launchd_again() { # LABEL: sets `restarted`, `ordered` (the time of the last order) and `starts`
  restarted=
  ordered=
  starts=
  [ -n "$job_runs" ] || return 0
  counted=
  ! readable "$launchd_notes/$1.runs" || read -r counted <"$launchd_notes/$1.runs" || :
  begins=1
  case $counted in "$boot "[0-9]*' '[0-9]*)
    ordered=${counted##* }
    counted=${counted#* }
    begins=${counted%% *}
    ;;
  esac
  case $begins$ordered in *[!0-9]*) begins=1 ordered= ;; esac
  # With fewer runs than were noted, somebody else has loaded it anew since.
  [ "$begins" -le "$job_runs" ] || { begins=1; ordered=; }
  restarted=$((job_runs > begins ? job_runs - begins : 0))
  [ $restarted -eq 0 ] || ! readable "$job_home/gateway-starts.log" ||
    starts=$(tail -c 800 "$job_home/gateway-starts.log" | tr -cd '0-9.\n' | tr '\n' ' ')
}
# Whether launchd has read the file as it is. What we loaded in this boot is noted; all else was
# loaded in this boot, too, so a file that is older than the boot has not changed since. If it was
# written again since our note, somebody may have loaded another text in between.
launchd_compare() { # LABEL: sets `sum`, `note` and `unread`, which is yes, no, or empty if unknown
  plist=$launchd_agents/$1.plist
  sum=
  case $newline$launchd_sums in
    *" $plist$newline"*) sum=${launchd_sums%%" $plist$newline"*} sum=${sum##*"$newline"} ;;
    *) ! readable "$plist" || sum=$(cksum <"$plist") ;;
  esac
  sum=${sum:+${sum% *}-${sum#* }}
  note=
  ! readable "$launchd_notes/$1" || read -r note <"$launchd_notes/$1" || :
  unread=
  case $note in
    "$boot $sum "*) [ "$plist" -nt "$launchd_notes/$1" ] || unread=no ;;
    "$boot "*) unread=yes ;;
    *) [ -z "$booted" ] || [ -z "$(find "$plist" -prune -mmin "+$((($(date +%s) - booted) / 60 + 1))" 2>/dev/null)" ] || unread=no ;;
  esac
}
launchd_sums= # lines of `cksum`: of all lists in one process
launchd_sum() { # LABEL...
  for label; do
    shift
    case $label in *\**) continue ;; esac
    ! readable "$launchd_agents/$label.plist" || set -- "$@" "$launchd_agents/$label.plist"
  done
  launchd_sums=
  [ $# -eq 0 ] || launchd_sums=$(cksum "$@")$newline
}
launchd_defined() {
  for path in "$launchd_agents"/ai.hermes.gateway*.plist; do
    [ ! -e "$path" ] || { path=${path##*/}; say "defined $launchd_name ${path%.plist}"; }
  done
}
launchd_said() { # LABEL: finds its block in `jobs`
  its=
  set -f
  IFS=$newline
  for line in $jobs; do
    case $line in "Id=$1") its=yes ;; Id=*) its= ;; esac
    [ -n "$its" ] || continue
    case $line in
      Activity=*) activity=${line#*=} ;;
      MainPID=[1-9]*) pid=${line#*=} ;;
      Code=[0-9]*) code=${line#*=} ;;
      Signal=[0-9]*) code=${code:-${line#*=}} ;;
    esac
  done
  unset IFS
  set +f
}
launchd_log() { # LABEL: the end of what it printed, if that is at most two minutes old
  path=$(sed -n '/<key>StandardErrorPath</{n;s/^ *<string>\(.*\)<\/string>.*/\1/p;}' "$launchd_agents/$1.plist" 2>/dev/null)
  [ ! -f "$path" ] || [ -z "$(find "$path" -mmin -2 2>/dev/null)" ] || since_mark "$path"
  launchd_job "$1" && [ -z "$job_setup" ] || why_no_process
}
# What launchd says of a job is in the unified log alone, which is slow and for administrators.
launchd_journal() { # LABEL LINES SINCE-EPOCH CURSOR
  [ -x /usr/bin/log ] || return 0
  from=${4:-$3}
  [ "$from" != - ] || from=$(($(date +%s) - 3600))
  until=$(date +%s)
  rows=$2
  [ "$rows" != - ] || rows=100000
  said=$(limited 20 /usr/bin/log show --style syslog --start "@$from" --predicate \
    "(process == \"launchd\" OR process == \"xpcproxy\") AND eventMessage CONTAINS \"$1\"" 2>/dev/null </dev/null) &&
    printf '%s\n' "$said" | grep -F "$1" | tail -n "$rows"
  printf '%s cursor: %s\n' -- "$until"
}
