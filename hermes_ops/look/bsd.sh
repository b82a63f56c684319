# shellcheck shell=sh disable=SC2154 # names of the files that a script has before and behind it
# What is read in other ways where there is no /proc, as on macOS.

# The command lines of the processes in `pids`, and of gateways that say which profile they run: of
# others the home is unknown, and the environment is not read. Lines as those of `look_commands`.
bsd_commands() {
  has ps && has awk || return 0
  shown=$(ps -axww -o pid= -o command= 2>/dev/null) || return 0
  begin commands
  printf '%s\n' "$shown" | awk -v wanted="$pids " '
    {
      named = $0 ~ / gateway run( |$)/ && $0 ~ / (-p|--profile)[ =]/
      if (!named && !index(wanted, " " $1 " ")) next
      line = $1 "\t\t"
      for (number = 2; number <= NF && number < 14; number++) line = line "\t" substr($number, 1, 300)
      print line
    }'
  end
}
