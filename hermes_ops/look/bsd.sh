# shellcheck shell=sh disable=SC2154 # names of the files that a script has before and behind it
# What is read in other ways where there is no /proc, as on macOS.

# The command lines of the processes in `pids`, and of gateways that say which profile they run: of
# others the home is unknown, and the environment is not read. Those of other users are left out, as
# the kernel of Linux shows no environment of them. Lines as those of `look_commands`.
bsd_commands() {
  has ps && has awk || return 0
  shown=$(ps -axww -o uid= -o pid= -o command= 2>/dev/null) || return 0
  begin commands
  printf '%s\n' "$shown" | awk -v wanted="$pids " -v uid="$uid" '
    $1 == uid {
      named = $0 ~ / gateway run( |$)/ && $0 ~ / (-p|--profile)[ =]/
      if (!named && !index(wanted, " " $2 " ")) next
      line = $2 "\t\t"
      for (number = 3; number <= NF && number < 15; number++) line = line "\t" substr($number, 1, 300)
      print line
    }'
  end
}

# What the property lists of launchd say about gateways, in the words of units: `Library/…` is below
# the home.
look_lists() {
  [ -x /bin/launchctl ] || return 0
  set --
  for path in "$launch_daemons"/*.plist /Library/LaunchAgents/*.plist Library/LaunchAgents/*.plist; do
    [ -f "$path" ] || continue
    if [ -r "$path" ]; then set -- "$@" "$path"; else say "unread $path"; fi
  done
  [ $# -gt 0 ] && lists=$(grep -l -i -e hermes -- "$@" 2>/dev/null) || return 0
  begin unitlines
  set -f
  IFS=$newline
  for path in $lists; do
    unset IFS
    case $(head -c 6 "$path") in
      bplist) limited 10 plutil -convert xml1 -o - "$path" 2>/dev/null ;;
      *) cat "$path" ;;
    esac | words_of_list "$path"
  done
  unset IFS
  set +f
  end
}
words_of_list() { # PATH: of the list that it reads, and nothing of one that starts no gateway
  awk -v path="$1" '
    { text = text $0 " " }
    END {
      count = split(text, parts, "<")
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
      if (command !~ /[Hh]ermes|gateway/) exit
      print path ":ExecStart=" substr(command, 2)
      if ("UserName" in named) print path ":User=" named["UserName"]
      if ("HERMES_HOME" in named) print path ":HERMES_HOME=" named["HERMES_HOME"]
    }'
}
