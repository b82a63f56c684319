# shellcheck shell=sh disable=SC2154,SC2034,SC2016,SC2088 # names of the files that a script has before and behind it
# Find the Hermes of this host by reading what its launchers run. No hermes command is run, and
# nothing of a launcher is expanded by the shell.

# Set `word` to the first word of a line of shell, without its quotes; `rest` is what follows it.
take_word() { # LINE
  rest=${1#"${1%%[! "$tab"]*}"}
  word=
  while :; do
    case $rest in
      '' | [\ "$tab"]*) return ;;
      \"*\"*) rest=${rest#?}; word=$word${rest%%\"*}; rest=${rest#*\"} ;;
      \'*\'*) rest=${rest#?}; word=$word${rest%%\'*}; rest=${rest#*\'} ;;
      [\"\']*) rest=${rest#?} ;;
      *) word=$word${rest%%[\"\' "$tab"]*}; rest=${rest#"${rest%%[\"\' "$tab"]*}"} ;;
    esac
  done
}

# Set `line` to the same line with the folder of the script in place of what computes it.
with_folder() { # LINE
  line=$1
  case $line in
    *'$('*dirname*0*')'* | *'$('*dirname*BASH_SOURCE*')'*) line=${line%%'$('*}$folder${line##*')'} ;;
    *'${0%/*}'*) line=${line%%'${0%/*}'*}$folder${line#*'${0%/*}'} ;;
  esac
}

# Set `word` to the path that it stands for: variables that the launcher sets, the home, a name on
# PATH. What needs more than that stays as it is.
expand_word() {
  tries=0
  while [ $tries -lt 9 ]; do
    tries=$((tries + 1))
    case $word in
      '~/'*) word=$HOME/${word#??} ;;
      '${'*'}'*)
        name=${word#??}
        rest_of_word=${name#*'}'}
        name=${name%%'}'*}
        variable "${name%%:-*}" || case $name in *:-*) value=${name#*:-} ;; *) return ;; esac
        word=$value$rest_of_word
        ;;
      '$'[A-Za-z_]*)
        name=${word#?}
        rest_of_word=${name#"${name%%[!A-Za-z0-9_]*}"}
        variable "${name%%[!A-Za-z0-9_]*}" || return
        word=$value$rest_of_word
        ;;
      *) break ;;
    esac
  done
  case $word in
    /* | '$'*) ;;
    */*) word=${inside:-$folder}/$word ;;
    ?*) if [ -x "$activated/$word" ]; then word=$activated/$word; else word=$(command -v -- "$word"); fi ;;
  esac
}
variable() { # NAME: sets `value`; fails if the launcher does not set it
  value=$HOME
  [ "$1" != HOME ] || return 0
  case $variables in *"$newline$1="*) ;; *) return 1 ;; esac
  value=${variables##*"$newline$1="}
  value=${value%%"$newline"*}
}

# Set `python` to the interpreter that a launcher runs, or to nothing. A console script has it in
# its first line, or in the second if that would be too long for the kernel:
#   '''exec' '/a/long/path/python' "$0" "$@"
# A shell launcher runs an interpreter, or another script: exec PYTHON SCRIPT "$@"
script_python() { # SCRIPT
  python=
  for _ in 1 2 3 4 5; do
    real_path "$1"
    set -- "$path"
    readable "$1" || return 0
    read_launcher "$1"
    case $word in '' | "$1") return 0 ;; esac
    case ${word##*/} in python*) python=$word; return 0 ;; esac
    set -- "$word"
  done
}
read_launcher() { # SCRIPT: sets `word` to what it runs
  case $1 in */*) folder=${1%/*} ;; *) folder=. ;; esac
  word=
  variables=$newline
  activated=
  inside=
  { IFS= read -r first || [ -n "$first" ]; } 2>/dev/null <"$1" || return 0
  case $first in
    '#!'*sh | '#!'*sh' '*) read_shell <"$1" ;;
    '#!'*/env' '*python*) word=python${first##*python}; word=${word%% *}; expand_word ;;
    '#!'*python*) take_word "${first#??}" ;;
  esac
}
read_shell() { # a launcher has few lines; nobody else's long script is read to its end
  count=0
  while [ $count -lt 200 ] && { IFS= read -r line || [ -n "$line" ]; }; do
    count=$((count + 1))
    case $line in
      '#'*) continue ;;
      *\\) IFS= read -r more && line=${line%?}$more ;;
    esac
    with_folder "$line"
    while [ -n "$line" ]; do
      piece=${line%%' && '*}
      piece=${piece%%'; '*}
      read_piece "$piece" && return
      line=${line#"$piece"}
      line=${line#' && '}
      line=${line#'; '}
    done
  done
  word=
}
read_piece() { # COMMAND: succeeds if it runs something with all the launcher's arguments
  take_word "$1"
  case $word in
    export | readonly | local | then | else | do) take_word "$rest" ;;
  esac
  case $word in
    [A-Za-z_]*=*)
      assigned=${word%%=*}
      word=${word#*=}
      case $1 in *'$@'*) ;; *) expand_path; variables=$variables$assigned=$word$newline; return 1 ;; esac
      ;;
    . | source)
      take_word "$rest"
      expand_path
      case $word in */activate) activated=${word%/*} ;; esac
      return 1
      ;;
    if | elif | while | for | case | '[' | '[[' | set | test | echo | printf) return 1 ;;
    cd) take_word "$rest"; expand_path; inside=$word; return 1 ;;
  esac
  case $1 in *'"$@"'*) ;; *) return 1 ;; esac
  take_word "$1"
  while :; do # skip what stands before the program
    case $word in
      exec | env | command | then | else | do | nice | nohup | -- | -[cil] | *=*) ;;
      -[anu]) take_word "$rest" ;;
      *) break ;;
    esac
    [ -n "$rest" ] || return 1
    take_word "$rest"
  done
  expand_word
  [ -n "$word" ]
}
expand_path() { # a value is no name on PATH
  case $word in */* | '$'* | '~'*) expand_word ;; esac
}

# Set `infos` to the metadata of the hermes-agent that an interpreter would import, a path a line.
# A folder without METADATA is what an interrupted pip left, and no version.
metadata_of() { # PYTHON
  infos=
  for info in "${1%/bin/*}"/lib/python3*/site-packages/hermes_agent-*.dist-info; do
    [ ! -s "$info/METADATA" ] || infos=$infos$info$newline
  done
  # In every other layout (a system's, a user's, conda's) the interpreter itself knows.
  [ -n "$infos" ] || { [ -x "$1" ] && may_run "$1" && infos=$(ask_metadata "$1"); }
  [ -n "$infos" ]
}
ask_metadata() { # PYTHON
  limited 10 "$1" -P -B -c 'from importlib.metadata import distributions
for found in distributions(name="hermes-agent"):
    folder = getattr(found, "_path", None)
    if found.read_text("METADATA"):
        print(folder)' 2>/dev/null </dev/null
}

hermes_of() { # PYTHON: report the hermes-agent that this interpreter would import
  metadata_of "$1" || return
  venv=${1%/bin/*}
  # Hermes itself uses the environment's `python`, even if its scripts name another interpreter.
  hermes_python=$1
  ! readable "$venv/pyvenv.cfg" || [ ! -x "$venv/bin/python" ] || hermes_python=$venv/bin/python
  say "hermes python $hermes_python"
  [ -x "$hermes_python" ] || say "hermes gone $hermes_python"
  set -f
  IFS=$newline
  for info in $infos; do say "hermes info $info"; done
  unset IFS
  set +f
  project=${info%/*}
  hermes_info=$info
  hermes_code=$info # what is new in it whenever the code is: an editable one has the log of its checkout
  ! readable "$info/direct_url.json" || {
    read -r line <"$info/direct_url.json"
    say "hermes origin $line"
    case $line in *'"editable": true'*) line=${line#*file://}; hermes_code=${line%%'"'*}/.git/logs/HEAD ;; esac
  }
  # An editable installation has its code elsewhere, and no record of it.
  for part in hermes_cli gateway; do
    [ -e "$project/$part" ] || ! grep -q "^$part/" "$info/RECORD" 2>/dev/null || say "hermes codeless $project/$part"
  done
  code_version "$project/hermes_cli/__init__.py"
  [ ! -d "$project/venv/bin" ] || say "hermes dir venv/bin"
  [ ! -d "$project/node_modules/.bin" ] || say "hermes dir node_modules/.bin"
  ! readable "$venv/pyvenv.cfg" || {
    say "hermes venv $venv"
    while IFS=' =' read -r key value; do
      case $key in version | version_info) say "hermes python_version $value" ;; esac
    done <"$venv/pyvenv.cfg"
  }
}
# With the metadata of two versions, only the code itself tells which of them runs.
code_version() { # FILE
  case $infos in *"$newline"*[!"$newline"]*) ;; *) return 0 ;; esac
  readable "$1" || return 0
  while IFS= read -r line; do
    case $line in
      '__version__ = "'*) line=${line#*'"'}; say "hermes code ${line%%'"'*}"; return 0 ;;
    esac
  done <"$1"
}

# What a gateway on this host runs is a Hermes that works, even if no launcher leads to it.
unit_pythons() { # sets `pythons`, a path a line
  pythons=
  for path in .config/systemd/user/hermes-gateway*.service; do
    readable "$path" || continue
    while IFS= read -r line; do
      case $line in
        ExecStart=/*' -m hermes_cli.main '*)
          line=${line#ExecStart=}
          pythons=$pythons${line%%' -m hermes_cli.main '*}$newline
          ;;
      esac
    done <"$path"
  done
}

look_hermes() { # WANTED-PYTHON
  hermes_python=
  hermes_code=
  hermes_info=
  [ -z "$1" ] || { hermes_of "$1"; return; }
  # Our own installation counts only if it was completed: the stamp is written last.
  if [ -f "$hermes_stamp" ]; then
    hermes_of "$HOME/$hermes_venv/bin/python" && return
  fi
  lost=
  for script in "$(command -v hermes 2>/dev/null)" "$HOME/.local/bin/hermes" /usr/local/bin/hermes \
    /opt/homebrew/bin/hermes "$HOME/.hermes/hermes-agent/venv/bin/hermes" \
    "$HOME/.local/share/pipx/venvs/hermes-agent/bin/hermes" \
    "$HOME/.local/share/uv/tools/hermes-agent/bin/hermes" "$HOME"/.pyenv/versions/*/bin/hermes; do
    readable "$script" || continue
    script_python "$script"
    [ -z "$python" ] || ! hermes_of "$python" || return 0
    # The script of a checkout names no interpreter of its own: its environment lies beside it.
    for python in "$folder"/venv/bin/python "$folder"/.venv/bin/python; do
      [ ! -x "$python" ] || ! hermes_of "$python" || return 0
    done
    [ -n "$lost" ] || ! leads_to_hermes "$script" || lost=$script
  done
  unit_pythons
  set -f
  IFS=$newline
  for python in $pythons; do
    unset IFS
    set +f
    hermes_of "$python" && return
  done
  unset IFS
  set +f
  [ -z "$lost" ] || say "hermes launcher $lost"
}
# Whether a launcher that could not be followed is one of Hermes: it names it, and what it runs is
# not merely gone.
leads_to_hermes() { # SCRIPT
  [ -x "$1" ] || return
  case $word in /*) [ -e "$word" ] || return ;; esac
  read -r first 2>/dev/null <"$1"
  case $first in '#!'*) ;; *) return 1 ;; esac
  count=0
  while [ $count -lt 200 ] && { IFS= read -r line || [ -n "$line" ]; }; do
    count=$((count + 1))
    case $line in *hermes*) return 0 ;; esac
  done <"$1"
  return 1
}

# What an administrator sets for all profiles of a host, over their own files: config.yaml, and of
# .env the names.
look_overlay() { # FOLDER
  for path in "$1/config.yaml" "$1/.env"; do
    [ ! -e "$path" ] || readable "$path" || say "unread $path"
  done
  ! readable "$1/config.yaml" || { begin overlay; cat "$1/config.yaml"; end; }
  readable "$1/.env" || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line#export }
    case $line in [A-Za-z_]*=*) ;; *) continue ;; esac
    case ${line%%=*} in *[!A-Za-z0-9_]*) ;; *) say "overlaid ${line%%=*}" ;; esac
  done <"$1/.env"
}
