# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Collect evidence about services: used by the look, and by the apply while it waits.

one_ps=  # set by a look, which asks for command lines, too
listing=  # what `ls` said of paths, and which these are
listed=
# awk: a check of a value that stays on this host. It tells whether the value changed; its 16 bits are
# too few to help guessing. The last argument is a local variable.
value_check='function value_check(text, at, sum) {
  if (letters == "") for (at = 1; at < 256; at++) letters = letters sprintf("%c", at)
  sub(/[ \t\r]+$/, "", text)
  if (text ~ /^".*"$/ || text ~ /^\047.*\047$/) text = substr(text, 2, length(text) - 2)
  sum = 7
  for (at = 1; at <= length(text); at++) sum = (sum * 257 + index(letters, substr(text, at, 1))) % 2147483647
  return sprintf("%04x", sum % 65536)
}'

# The metadata of all paths in one process: inode, mode, links, owner, group, size, date, name.
list_paths() {
  listed=$newline
  for path; do
    if [ -e "$path" ] || [ -L "$path" ]; then listed=$listed$path$newline; fi
  done
  [ "$listed" != "$newline" ] || return 0
  # One word for each line: to add words one after another takes a shell quadratic time.
  set -f
  IFS=$newline
  # shellcheck disable=SC2086 # as said
  set -- $listed
  unset IFS
  set +f
  listing=$(ls -ldin -- "$@" 2>/dev/null)
  begin paths
  printf '%s' "$listing"
  end
  list_targets "$@"
}
# Where the links among the paths lead: a line `PATH<tab>TARGET` each, then the metadata of the
# targets and of the folders in which they lie, unless they are among the paths themselves.
list_targets() {
  targets=
  linked=
  folder=-
  set -f
  IFS=$newline
  for line in $listing; do
    case $line in *' -> '*) linked=$linked$line$newline ;; esac
  done
  unset IFS
  set +f
  for name; do
    shift
    [ -L "$name" ] || continue
    listed_target
    real_path "$name" "$target"
    without_parents
    targets=$targets$name$tab$path$newline
    is_listed "$path" || set -- "$@" "$path"
    last=$folder
    case $path in */?*) folder=${path%/*} ;; *) folder=. ;; esac
    [ "$folder" = "$last" ] || is_listed "$folder" || set -- "$@" "${folder:-/}"
  done
  [ -n "$targets" ] || return 0
  begin links
  printf '%s' "$targets"
  end
  [ $# -gt 0 ] || return 0
  ends=$(ls -ldin -- "$@" 2>/dev/null)
  listing=$listing$newline$ends
  begin targets
  printf '%s' "$ends"
  end
}
# Shorten `path`: FOLDER/.. is the folder above, unless FOLDER is a link.
without_parents() {
  while :; do
    before=${path%%/../*}
    case $before in "$path" | *[!/]/.. | .. | '') return ;; */*) ;; *) return ;; esac
    [ ! -L "$before" ] && [ -d "$before" ] || return
    path=${before%/*}/${path#*/../}
  done
}
is_listed() { case $listed in *"$newline${1#"$HOME/"}$newline"*) ;; *) return 1 ;; esac; }

# Set `target` to where `ls` says that the link `name` leads; to nothing if more than one line could
# be the one about it.
listed_target() {
  target=
  claims=0
  set -f
  IFS=$newline
  for line in $linked; do
    case $line in
      *" $name -> "*" $name -> "*) claims=2 ;;
      *" $name -> "*) target=${line#*" $name -> "} claims=$((claims + 1)) ;;
    esac
  done
  unset IFS
  set +f
  [ $claims -eq 1 ] || target=
}

# Run a command with those of these files that can be read, if there are any.
with_readable() { # COMMAND FILE...
  reader=$1
  shift
  words=
  for path; do
    ! readable "$path" || words=$words$path$newline
  done
  [ -n "$words" ] || return 0
  set -f
  IFS=$newline
  # shellcheck disable=SC2086 # one word for each line
  set -- $words
  unset IFS
  set +f
  "$reader" "$@"
}

# The content of all readable files in one process. No file of a gateway needs 10 MB: one that has
# more would make the whole answer too long.
send_files() { with_readable archive "$@"; }
send_listed() { # FILE...: all of them were listed before, so far as they were there
  all_listed=yes
  send_files "$@"
  all_listed=
}
all_listed=
archive() {
  huge=$newline
  may_be_huge "$@" && huge=$newline$(find_huge "$@" 2>/dev/null)$newline
  [ ${#huge} -le 2 ] || for path; do
    shift
    case $huge in
      *"$newline$path$newline"* | *"$newline./$path$newline"*) say "unread ~/$path (larger than 10 MB)" ;;
      *) set -- "$@" "$path" ;;
    esac
  done
  [ $# -gt 0 ] || return 0
  begin files
  tar -c -f - -h -- "$@" 2>/dev/null | base64
  end
}
# Whether a file is not among the listed ones, or a size there has more than seven digits.
may_be_huge() { # FILE...
  if [ -z "$all_listed" ]; then
    for path; do is_listed "$path" || return 0; done
  fi
  case $listing in *[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]' '[A-Z][a-z][a-z]' '*) ;; *) return 1 ;; esac
}
find_huge() { # FILE...: the size is in blocks of 512 bytes
  for path; do
    shift
    case $path in /*) set -- "$@" "$path" ;; *) set -- "$@" "./$path" ;; esac
  done
  find -L "$@" -prune -size +19531
}

# A pid file is JSON or a bare number. The shell itself reads it: starting a sed takes far longer.
recorded_pids() {
  for path; do
    readable "$path" || continue
    while read -r line || [ -n "$line" ]; do
      case $line in
        *'"pid":'*)
          line=${line##*'"pid":'}
          line=${line#"${line%%[! ]*}"}
          add_recorded "${line%%[!0-9]*}"
          ;;
        *[!0-9]*) ;;
        *) add_recorded "$line" ;;
      esac
    done <"$path"
  done
}
add_recorded() {
  case " $pids " in *" $1 "*) ;; *) pids="$pids $1" ;; esac
}

# For kernels without /proc: the clock, then pid, state, age and KiB, which every ps can print. One
# -o for each field: in POSIX all that follows the `=` in a word is the heading of that field.
list_processes() { # PIDS: one argument, separated by blanks
  [ -z "$one_ps" ] || ! has awk || { bsd_processes "$1"; return; }
  numbers=
  for pid in $1; do numbers=$numbers,$pid; done
  date +%s
  ps -o pid= -o state= -o etime= -o rss= -p "${numbers#,}" 2>/dev/null
}
show_processes() {
  seen=' '
  for pid in $pids; do
    case $seen in *" $pid "*) continue ;; esac
    seen="$seen$pid "
    process "$pid"
  done
  [ -d /proc/self ] || [ "$seen" = ' ' ] ||
    { begin ps; list_processes "$seen"; end; }
}

# What in the homes of gateways cannot be written by this user, down to the third level; what an
# agent makes for itself there is left out. `ls` is only run if something is found.
look_owners() { # HOME...
  for path; do
    shift
    [ ! -d "$path" ] || set -- "$@" "$path/"
  done
  [ $# -gt 0 ] && has find || return 0
  begin owners
  find "$@" -maxdepth 3 \( ! -user "$uid" -o -type d ! -perm -300 -o -type f ! -perm -200 \) -exec ls -ldin -- {} + -o \
    \( -name profiles -o -name skills -o -name workspace -o -name home -o -name node -o -name node_modules \
    -o -name sandboxes -o -name plugins -o -name bin -o -name .git \) -prune 2>/dev/null | first_lines 50
  end
}

first_lines() { # NUMBER: in the shell, as there are seldom any
  count=0
  while [ $count -lt "$1" ] && IFS= read -r line; do
    printf '%s\n' "$line"
    count=$((count + 1))
  done
}

# Which of these files are no SQLite databases: each of those has its name in its first bytes. An
# empty one is new.
look_databases() { # FILE...
  for path; do
    shift
    [ ! -s "$path" ] || [ ! -f "$path" ] || set -- "$@" "$path"
  done
  [ $# -gt 0 ] || return 0
  grep -L '^SQLite format 3' -- "$@" 2>/dev/null | while IFS= read -r path; do say "garbled $path"; done
}

# Where the homes of gateways, and their logs, lie in truth, to tell whether a process still has the
# files in them; and folders in which nothing can be written, whatever their modes are.
look_real() ( # FOLDER...
  for path; do
    cd "$HOME/$path" 2>/dev/null || continue
    printf '%s real %s ' "$nonce" "$path"
    pwd -P
    [ -w . ] || say "closed $path"
  done
)

# What of these cannot be written, whatever its mode is: it may be mounted read-only, or immutable.
look_closed() { # PATH...
  for path; do [ ! -e "$path" ] || [ -w "$path" ] || say "closed $path"; done
}

# The first available program asks all URLs: bash, curl, Hermes' Python, wget. Bash comes first:
# starting any of the others takes longer than the whole rest of a look.
ask_urls() {
  [ $# -gt 0 ] || return 0
  answers=$(ask_bash "$@") || answers=$(ask_others "$@")
  [ -z "$answers" ] || { begin http; printf '%s' "$answers"; end; }
  # For the wait: `ready` is cleared unless every URL answered with 200.
  good=0
  set -f
  IFS=$newline
  for line in $answers; do
    case $line in *' 200') good=$((good + 1)) ;; esac
  done
  set +f
  unset IFS
  [ $good -eq $# ] || ready=
}

# Fails and prints nothing if this bash cannot connect, or a URL is not `http` with a port.
ask_bash() {
  has bash && has timeout || return
  # --norc: a bash that was started over SSH also reads .bashrc for `-c`, which may print something.
  # shellcheck disable=SC2016 # the inner bash expands them
  limited 5 bash --norc -c '
    [ "${BASH_VERSINFO:-0}" -ge 4 ] && : >/dev/udp/127.0.0.1/9 || exit 1
    trap "" PIPE
    printf -v ends "\r\n"
    printf -v newline "\n"
    answer() {
      printf "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" "${path:-/}" "$host" >&3 || return
      IFS= read -r -t 3 status <&3 || return
      while IFS= read -r -t 3 line <&3 && [ "${line%[$ends]}" ]; do :; done
      IFS= read -r -t 3 -d "" -n 65536 body <&3
      [ $? -le 128 ] || return
      status=${status#* }
      said=" ${body//[$ends]/ } ${status%%[ $ends]*}"
    }
    all=
    for url; do
      [[ $url =~ ^http://(([^/]+):([0-9]+))(/.*)?$ ]] || exit
      host=${BASH_REMATCH[1]} name=${BASH_REMATCH[2]} port=${BASH_REMATCH[3]} path=${BASH_REMATCH[4]}
      name=${name#[} said=
      answer 3<>"/dev/tcp/${name%]}/$port"
      all=$all$url$said$newline
    done
    printf "%s" "$all"
  ' bash "$@" 2>/dev/null </dev/null
}

ask_others() {
  if has curl; then
    for url; do
      said=$(curl -s -m 3 --noproxy '*' -w ' %{http_code}' "$url" 2>/dev/null </dev/null) || said=
      printf '%s %s\n' "$url" "$(printf '%s' "$said" | tr '\r\n' '  ')"
    done
  elif [ -n "$hermes_python" ] || has python3; then
    # We close first: on macOS Hermes cannot bind its port again for half a minute after it did.
    "${hermes_python:-python3}" -I -S -c '
import socket, sys
def whole(answer):
    head, found, body = answer.lower().partition(b"\r\n\r\n")
    size = head.partition(b"\ncontent-length:")[2].split(b"\r")[0].strip()
    return found and (len(body) >= int(size) if size.isdigit() else body.endswith(b"0\r\n\r\n"))
for url in sys.argv[1:]:
    host, _, path = url.split("//", 1)[1].partition("/")
    name, _, port = host.rpartition(":")
    try:
        with socket.create_connection((name.strip("[]"), int(port)), 3) as peer:
            peer.sendall(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            answer = b""
            while not whole(answer) and (chunk := peer.recv(65536)):
                answer += chunk
        head, _, body = answer.partition(b"\r\n\r\n")
        print(url, body.decode("utf-8", "replace").replace("\n", " "), head.split()[1].decode())
    except (OSError, IndexError, ValueError):
        print(url)
' "$@" 2>/dev/null </dev/null
  elif has wget; then
    for url; do
      if body=$(wget -q -T 3 -t 1 -O - "$url" 2>/dev/null </dev/null); then
        printf '%s %s 200\n' "$url" "$(printf '%s' "$body" | tr '\n' ' ')"
      else
        printf '%s\n' "$url"
      fi
    done
  fi
}
