# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Start, restart and stop jobs of launchd, of a user or of the system, and let them be loaded or not.

launchd_sudo= # in front of what somebody has to do on the host
launchd_owner=

# launchd only accepts an order; whether it was followed, a later look shows. So each order has two
# parts: what is begun for several jobs side by side, and what waits for each of them.
launchd_do() { # VERB LABEL
  case $begun in *" $1:$2:"*) ;; *) launchd_begin "$@" || return ;; esac
  launchd_finish "$@"
}
begun=' ' # words VERB:LABEL:HOW:PIDS:RUNS, with `,` between the pids
launchd_ahead() { # VERB LABEL...
  [ $# -gt 2 ] || return 0
  verb=$1
  shift
  for label; do launchd_begin "$verb" "$label" >/dev/null || :; done
}
launchd_begin() { # VERB LABEL: `how` is gone, load (perhaps after it is gone), or kick
  launchd_sees "$2" || return
  launchd_compare "$2"
  how=kick
  case $1:$at in
    stop:*) how=gone ;;
    *:) how=load ;;
    *:*' '*) how=load ;; # in two domains: two processes for one home
    restart:*) [ "$unread" = no ] || how=load ;;
    *) [ "$unread" != yes ] || how=load ;;
  esac
  former=$job_pid$job_others
  [ "$1:$how" != start:kick ] || former= # whatever runs then is what was asked for
  begun="$begun$1:$2:$how:$(printf '%s' "$former" | tr ' ' ','):${job_runs:-0} "
  case $how in
    kick) [ "$1" = start ] || launchd_end ;;
    *) launchd_out "$2" $((job_patience + 10)) ;;
  esac
}
launchd_sees() { # LABEL
  launchd_domains && launchd_job "$1" && return
  printf 'launchd does not answer: launchctl %s' "$unheard"
  return 1
}
# The marker makes Hermes end as after any planned stop; KeepAlive starts it again.
launchd_end() {
  [ -n "$job_pid" ] || return 0
  plan_stop "$job_home" "$job_pid"
  kill "$job_pid" 2>/dev/null || :
}
launchd_out() { # LABEL SECONDS: a label that launchd does not give up is in `not_out`
  out_said=
  for where in $at; do
    plan_stop "$job_home" "$job_pid"
    out_said=$(limited "$2" /bin/launchctl bootout "$where/$1" 2>&1 </dev/null)
    case $? in
      0 | 36 | 37) ;;
      137 | 143) not_out="$not_out$1 " out_said="launchctl bootout $where/$1 did not answer within $2 s" ;;
      *) not_out="$not_out$1 " ;;
    esac
  done
}
not_out=' '
launchd_finish() { # VERB LABEL
  entry=${begun##*" $1:$2:"}
  entry=${entry%% *}
  old=$(printf '%s' "${entry#*:}" | tr ',' ' ')
  old=${old%:*}
  case $entry in
    kick:*)
      [ "$1" = start ] || launchd_ended "$2" "$old"
      launchd_up "$2" "$old" "${entry##*:}" || return
      [ "$job_runs" = "${entry##*:}" ] || launchd_count "$2" # else it ran, and nothing was done
      ;;
    gone:*) launchd_gone "$2" "$old" && rm -f "$launchd_notes/$2" "$launchd_notes/$2.runs" ;;
    *) launchd_gone "$2" "$old" && launchd_load "$2" && launchd_up "$2" '' 0 && launchd_count "$2" ;;
  esac
}
living() { # PIDS: sets `lives` to those that live
  lives=
  for process in $1; do ! kill -0 "$process" 2>/dev/null || lives="$lives $process"; done
}
# Which signal `kickstart -k` sends is not documented, so it is only for what does not end in time.
launchd_ended() { # LABEL PIDS
  tries=0
  living "$2"
  while [ -n "$lives" ]; do
    [ $tries -lt $(((job_patience + 5) * 4)) ] || { launchd_ctl kickstart -k "${at%% *}/$1" >/dev/null 2>&1; return; }
    sleep 0.25
    tries=$((tries + 1))
    living "$2"
  done
}
# The label stays until the process has ended, and is not free before. What launchd has refused is asked
# for once more; if it stays then, its process is not ended by us: launchd starts it again.
launchd_gone() { # LABEL PIDS
  tries=0
  asked_twice=
  most=$(((job_patience + 10) * 4))
  while :; do
    launchd_sees "$1" || return
    living "$2"
    [ -n "$at$lives" ] || return 0
    case $activity:$tries$not_out in
      deactivating:*) ;;
      *":12 $1 "* | *":12 "*" $1 "*)
        [ -z "$asked_twice" ] || { printf 'launchd does not unload it, and starts it again: %s' "$out_said" | tr '\n' ' '; return 1; }
        asked_twice=yes
        tries=0
        not_out=${not_out%%" $1 "*}" ${not_out#*" $1 "}"
        launchd_out "$1" 15
        ;;
    esac
    # shellcheck disable=SC2086 # pids
    [ $tries -ne $most ] || [ -z "$lives" ] || kill -KILL $lives 2>/dev/null
    [ $tries -lt $((most + 20)) ] || break
    sleep 0.25
    tries=$((tries + 1))
  done
  printf 'it does not end: %s' "${out_said:-launchd keeps it in $at}"
  return 1
}
launchd_switch() { # enable or disable, LABEL
  launchd_domains || { launchd_sees "$2"; return; }
  disabled=
  for where in $domains; do
    ! out_said=$(launchd_ctl "$1" "$where/$2" 2>&1) || return 0
  done
  printf '%s' "$out_said"
  return 1
}

launchd_proof() { # LABEL: plutil reads the list as it will be
  trial=$launchd_agents/.$1.plist.hermes-ops.$$
  [ -f "$trial" ] && has plutil || return 0
  out_said=$(limited 10 plutil -lint "$trial" 2>&1) && return
  printf 'launchd would not take it: %s' "${out_said#*: }"
  return 1
}

# Whatever bootstrap answers, `print` shows whether the job is there. It refuses for some seconds
# after a job of this name has left, and on some hosts for no reason at all.
launchd_load() { # LABEL
  plist=$launchd_agents/$1.plist
  case $plist in /*) ;; *) plist=$PWD/$plist ;; esac
  # That it cannot be enabled matters only if it is disabled.
  launchd_switch enable "$1" >/dev/null || { disabled=; ! is_disabled "$1" || { printf '%s' "$out_said"; return 1; }; }
  for goal in $domains; do # not `where`: each look at the job has its own
    tries=0
    while [ $tries -lt 8 ]; do
      load_said=$(launchd_ctl bootstrap "$goal" "$plist" 2>&1)
      load_code=$?
      launchd_sees "$1" || return
      [ -z "$at" ] || { launchd_note "$1"; return; }
      case $load_code in
        5 | 17 | 36 | 37 | 124) why_unloadable "$1" >/dev/null && break 2 ;;
        112 | 125) break ;;
        *) break 2 ;;
      esac
      sleep 1
      tries=$((tries + 1))
    done
  done
  case $load_code in 5 | 125)
    why_unloadable "$1" >/dev/null || launchd_ctl load -w "$plist" >/dev/null 2>&1 || :
    launchd_sees "$1" || return
    [ -z "$at" ] || { launchd_note "$1"; return; }
    ;;
  esac
  why_unloadable "$1" && return 1
  printf '%s' "$load_said" | head -n 1 | tr '\n' ' '
  case $load_code:$goal in
    5:system) printf '(no cause was found: a reboot may end that)' ;;
    # Root is told the cause by its code; everybody else hears 5 for all of them.
    5:*) printf '(no cause was found: a reboot may end that; root is told more: sudo launchctl bootstrap %s %s)' "$goal" "$plist" ;;
  esac
  return 1
}
launchd_note() { # LABEL: how the file was when launchd read it
  launchd_compare "$1"
  mkdir -p "$launchd_notes" && printf '%s %s %s\n' "$boot" "$sum" "$at" >"$launchd_notes/$1"
}
launchd_count() { # LABEL: its runs until now are no restarts, as they were ordered
  [ -z "$job_runs" ] || { mkdir -p "$launchd_notes" && printf '%s %s %s\n' "$boot" "$job_runs" "$(date +%s)" >"$launchd_notes/$1.runs"; } || :
}
why_unloadable() { # LABEL: prints why launchd refuses it, with what mends that; fails if it is unknown
  # shellcheck disable=SC2012 # the name is of our own making
  owner=$(ls -ldnL "$plist" 2>/dev/null | sed 's/^\([^ ]*\) *[^ ]* *\([0-9]*\) .*/\1 \2/')
  case $owner in
    '') printf '%s is not there' "$plist"; return ;;
    ?????w* | ????????w*) printf 'others may write %s: %schmod 644 %s' "$plist" "$launchd_sudo" "$plist"; return ;;
    *" ${launchd_owner:-$uid}") ;;
    *) printf '%s belongs to another user: sudo chown %s %s' "$plist" "${launchd_owner:-$user}" "$plist"; return ;;
  esac
  if has plutil && ! out_said=$(plutil -lint "$plist" 2>&1); then
    printf 'it is no valid property list: %s' "$out_said" | tr '\n' ' '
  elif disabled= && is_disabled "$1"; then
    printf 'somebody has disabled it: %slaunchctl enable %s/%s' "$launchd_sudo" "$domain" "$1"
  elif [ "$goal" = "user/$uid" ] && ! grep -q '<string>Background</string>' "$plist"; then
    printf 'nobody is logged in at the screen, and LimitLoadToSessionType in %s lacks Background' "$plist"
  elif has xattr && xattr -p com.apple.quarantine "$plist" >/dev/null 2>&1; then
    printf 'it is in quarantine: %sxattr -d com.apple.quarantine %s' "$launchd_sudo" "$plist"
  elif [ "$load_code" = 0 ]; then
    printf 'launchd took it and dropped it: allow it in System Settings > General > Login Items'
  else
    return 1
  fi
}
launchd_up() { # LABEL PIDS RUNS: a process that is none of these, or one more run
  tries=0
  kick_said=
  while :; do
    launchd_sees "$1" || return
    if [ -z "$at" ]; then # `Could not find service … in domain for user gui`
      [ $tries -eq 0 ] || { printf '%s' "${kick_said:-launchd has dropped it}"; return 1; }
      launchd_load "$1" || return
    fi
    [ -z "$job_setup" ] || [ "${job_runs:-0}" -le "$3" ] || { why_no_process; return 1; }
    case " $2 " in *" ${job_pid:--} "*) ;; *) [ -z "$job_pid" ] || return 0 ;; esac
    [ -n "$job_pid" ] || [ "${job_runs:-0}" -le "$3" ] || return 0 # it ended at once: its evidence tells
    [ $((tries % 8)) -ne 0 ] || kick_said=$(launchd_ctl kickstart "${at%% *}/$1" 2>&1) || :
    [ $tries -lt $(((job_pause + 15) * 4)) ] || break
    sleep 0.25
    tries=$((tries + 1))
  done
  printf 'launchd starts no process of it (%s)%s' "$job_state" "${kick_said:+: $kick_said}"
  return 1
}
why_no_process() {
  printf 'launchd cannot start it: is its program there, and can its log be written?'
}
