# shellcheck shell=sh disable=SC2154 # names of the files that a script has before and behind it
# What is read in other ways where there is no /proc, as on macOS.

# One `ps` for a whole look: it prints what `list_processes` does, and keeps the command lines of the
# processes in `pids` and of gateways that say which profile they run: of others the home is unknown, and
# the environment is not read. Those of other users are left out, as the kernel of Linux shows no
# environment of them. Lines as those of `look_commands`.
shown_commands=
bsd_processes() { # PIDS
  has ps && has awk || return
  one_ps=asked
  set -f
  IFS=$newline
  for line in $(ps -axww -o uid= -o pid= -o state= -o etime= -o rss= -o command= 2>/dev/null |
    awk -v wanted=" $1 " -v uid="$uid" '
      BEGIN { srand(); print "t" srand() } # the time: the seed that srand() takes by itself
      { known = index(wanted, " " $2 " ") }
      known { print "p" $2, $3, $4, $5 }
      $1 == uid {
        named = $0 ~ / gateway run( |$)/ && $0 ~ / (-p|--profile)[ =]/
        if (!named && !known) next
        line = "c" $2 "\t\t"
        for (number = 6; number <= NF && number < 18; number++) line = line "\t" substr($number, 1, 300)
        print line
      }'); do
    case $line in
      [tp]*) printf '%s\n' "${line#?}" ;;
      *) shown_commands=$shown_commands${line#c}$newline ;;
    esac
  done
  unset IFS
  set +f
}
bsd_commands() {
  [ "$one_ps" = asked ] || bsd_processes "$pids" >/dev/null || return 0
  begin commands
  printf '%s' "$shown_commands"
  end
}

# What the property lists of launchd say about gateways, in the words of units: `Library/…` is below
# the home.
look_lists() {
  [ -x /bin/launchctl ] || return 0
  set --
  binary=
  for path in "$launch_daemons"/*.plist /Library/LaunchAgents/*.plist Library/LaunchAgents/*.plist; do
    [ -f "$path" ] || continue
    first=
    [ -r "$path" ] || { say "unread $path"; continue; }
    IFS= read -r first <"$path" || :
    case $first in bplist*) binary=$binary$path$newline ;; *) set -- "$@" "$path" ;; esac
  done
  [ $# -gt 0 ] || [ -n "$binary" ] || return 0
  begin unitlines
  [ $# -eq 0 ] || words_of_lists '' "$@"
  set -f
  IFS=$newline
  # shellcheck disable=SC2086 # one path a line
  [ -z "$binary" ] || binary=$(grep -l -i -e hermes -- $binary 2>/dev/null)
  for path in $binary; do
    limited 10 plutil -convert xml1 -o - "$path" 2>/dev/null | words_of_lists "$path" -
  done
  unset IFS
  set +f
  end
}
words_of_lists() { # NAME FILE...: the name of what is read from the input; nothing of a list that starts no gateway
  name=$1
  shift
  awk -v path="$name" '
    function show(count, number, at, tag, key, value, inside, command, named, parts) {
      count = text ~ /[Hh][Ee][Rr][Mm][Ee][Ss]/ ? split(text, parts, "<") : 0
      for (number = 2; number <= count; number++) {
        at = index(parts[number], ">")
        tag = substr(parts[number], 1, at - 1)
        value = substr(parts[number], at + 1)
        if (tag == "key") key = value
        else if (tag == "array") inside = (key == "ProgramArguments")
        else if (tag == "/array") inside = 0
        else if (tag == "string" && inside) command = command " " value
        else if (tag == "string") named[key] = value
      }
      text = ""
      if (command !~ /[Hh]ermes|gateway/) return
      print path ":ExecStart=" substr(command, 2)
      if ("UserName" in named) print path ":User=" named["UserName"]
      if ("HERMES_HOME" in named) print path ":HERMES_HOME=" named["HERMES_HOME"]
    }
    FNR == 1 { show(); if (FILENAME != "-" && FILENAME != "") path = FILENAME }
    { text = text $0 " " }
    END { show() }' "$@"
}
