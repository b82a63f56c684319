# shellcheck shell=sh disable=SC2154
# What this host may tell of its credentials. The key by which it makes fingerprints comes on the
# standard input of Python, through the shell's own printf: it is in no argument list and no file.
# A program that knows the nonce may send records of its own, and then begins its answer again.

disclose() { # PROGRAM REQUEST
  python=$hermes_python
  [ -n "$python" ] || python=$(command -v python3 2>/dev/null)
  if [ -z "$python" ] || ! may_run "$python"; then
    say python none
    return
  fi
  begin disclosed
  if [ -n "$hermes_python" ]; then
    printf '%s' "$2" | NONCE=$nonce "$python" -I -S -B -c "$1" "$project"
  else
    printf '%s' "$2" | NONCE=$nonce "$python" -I -B -c "$1"
  fi 2>/dev/null
  end
}
