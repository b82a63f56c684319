# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Keep a Mac awake: a job of launchd that runs caffeinate, and settings of pmset.

awake_label=ai.hermes-ops.awake
awake_before=$state/pmset-before # what pmset had before us: lines OPTION NAME VALUE

caffeinate_look() {
  [ -x /bin/launchctl ] && [ -x /usr/bin/caffeinate ] && launchd_domains && launchd_job "$awake_label" || return 0
  launchd_compare "$awake_label"
  barred=
  ! is_disabled "$awake_label" || barred=yes
  begin 'awake job'
  printf 'Activity=%s\nDomains=%s\nDisabled=%s\nUnread=%s\nCode=%s\n' "$activity" "$at" "$barred" "$unread" "$job_code"
  end
  tell_awake text cat "$launchd_agents/$awake_label.plist"
  tell_awake before cat "$awake_before"
  tell_awake custom limited 10 /usr/bin/pmset -g custom
  tell_awake live limited 10 /usr/bin/pmset -g
  tell_awake holders limited 10 /usr/bin/pmset -g assertions
  case $(limited 10 /usr/bin/pmset -g batt 2>/dev/null </dev/null) in *InternalBattery*) say 'awake lid yes' ;; esac
}
tell_awake() { # WORD COMMAND...: of `cat` only if the file can be read
  word=$1
  shift
  [ "$1" != cat ] || readable "$2" || return 0
  begin "awake $word"
  "$@" 2>/dev/null </dev/null
  end
}

caffeinate_on() { # FOLLOWS TEXT
  plist=$launchd_agents/$awake_label.plist
  caffeinate_write "$plist" "$2" || { printf 'its property list %s cannot be written' "$plist"; return 1; }
  launchd_do restart "$awake_label" || return
  [ -n "$1" ] || caffeinate_await
}
caffeinate_write() { # PLIST TEXT
  mkdir -p "$launchd_agents" && [ ! -d "$1" ] && printf %s "$2" >"$1.new" && chmod 644 "$1.new" && mv "$1.new" "$1"
}
caffeinate_await() { # until pmset lists an assertion of the job's process
  tries=0
  while [ $tries -lt 40 ]; do
    launchd_sees "$awake_label" || return
    case $(limited 10 /usr/bin/pmset -g assertions 2>/dev/null </dev/null) in *"pid ${job_pid:--}("*) return 0 ;; esac
    sleep 0.25
    tries=$((tries + 1))
  done
  printf 'pmset lists no assertion of %s' "$awake_label"
  return 1
}
caffeinate_off() {
  launchd_do stop "$awake_label" && rm -f "$launchd_agents/$awake_label.plist"
}

pmset_set() { # OLD...: what is noted already was before us
  for old; do
    grep -q "^${old% *} " "$awake_before" 2>/dev/null ||
      { mkdir -p "$state" && printf '%s\n' "$old" >>"$awake_before"; } || return
  done
  by_root "$root_part"
}
pmset_each() { # SETTING...: what root does; each is an option, a name and a number
  for setting; do
    # shellcheck disable=SC2086 # three words
    /usr/bin/pmset $setting || { printf 'pmset does not take %s' "$setting"; return 1; }
  done
}
pmset_back() { # NAME
  by_root "$root_part" || return
  left=$(grep -v "^-[a-z] $1 " "$awake_before")
  if [ -n "$left" ]; then printf '%s\n' "$left" >"$awake_before"; else rm -f "$awake_before"; fi
}
