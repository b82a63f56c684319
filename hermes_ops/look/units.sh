# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# What is defined to run on this host beside our services, or to end them: units of both scopes, cron.

# What the units of both scopes, and cron, say about gateways: commands, users, homes, what conflicts
# with a service, whether they are below the ceiling of all, and limits of slices; no other line.
look_units() {
  look_lists
  look_masks
  look_parts
  set --
  for folder in /etc/systemd/system/ /usr/local/lib/systemd/system/ /run/systemd/system/ /etc/systemd/user/ \
    /usr/local/lib/systemd/user/ .local/share/systemd/user/ "$XDG_RUNTIME_DIR/systemd/user/" \
    "$XDG_RUNTIME_DIR/systemd/transient/" "$systemd_folder/"; do
    [ -d "$folder" ] || continue
    # The link that enables an instance of a template has the instance's name.
    for path in "$folder"*.service "$folder"*.target "$folder"*.service.d/*.conf "$folder"*.wants/*@?*.service \
      "$folder"*.slice "$folder"*slice.d/*.conf; do
      [ -f "$path" ] || continue
      if [ -r "$path" ]; then set -- "$@" "$path"; else say "unread $path"; fi
    done
  done
  for folder in /etc/systemd/system.control /run/systemd/system.control .config/systemd/user.control \
    "$XDG_RUNTIME_DIR/systemd/user.control"; do
    for path in "$folder"/*slice.d/*.conf "$folder"/user@*.service.d/*.conf; do
      if [ -r "$path" ]; then set -- "$@" "$path"; elif [ -e "$path" ]; then say "unread $path"; fi
    done
  done
  set -- unit "$@"
  for path in /etc/crontab /etc/cron.d/* /etc/cron.hourly/* /etc/cron.daily/* /etc/cron.weekly/*; do
    [ ! -f "$path" ] || [ ! -r "$path" ] || set -- "$@" "$path"
  done
  [ $# -gt 1 ] || has crontab || return 0
  shift
  lines=
  # On a Mac nothing else is read here, and most users there have no crontab.
  [ $# -gt 0 ] || { lines=$(crontab -l 2>/dev/null </dev/null) && [ -n "$lines" ]; } || return 0
  begin unitlines
  if [ -n "$lines" ]; then
    lines=$(printf '%s\n' "$lines" | unit_lines -)
  elif has crontab; then
    lines=$(crontab -l 2>/dev/null </dev/null | unit_lines "$@" -)
  else
    lines=$(unit_lines "$@")
  fi
  printf '%s\n' "$lines"
  behind_units
  end
}
# Files that define a part of units, or take the place of one, whether systemd has read them by now or not.
look_parts() {
  [ -d /run/systemd/system ] || return 0
  for folder in /etc/systemd/system /usr/local/lib/systemd/system /run/systemd/system /etc/systemd/user \
    /usr/local/lib/systemd/user .local/share/systemd/user "$XDG_RUNTIME_DIR/systemd/user" "$systemd_folder"; do
    [ -d "$folder" ] || continue
    for path in "$folder"/*service.d/*.conf "$folder"/*.service.requires/*; do
      [ ! -e "$path" ] && [ ! -L "$path" ] || say "part $path"
    done
  done
  for folder in /etc/systemd/system.control /run/systemd/system.control /run/systemd/transient \
    .config/systemd/user.control "$XDG_RUNTIME_DIR/systemd/user.control" "$XDG_RUNTIME_DIR/systemd/transient"; do
    for path in "$folder"/*.service; do [ ! -e "$path" ] || say "part $path"; done
  done
}
# A line that starts or ends a gateway. One that sets any other variable stays here: it may be a secret.
harmless='([^#=]|--[a-z-]+=|HERMES_HOME=|XDG_RUNTIME_DIR=|DBUS_SESSION_BUS_ADDRESS=|unix:path=)*'
cron_line="^$harmless(gateway +(run|stop)|(systemctl|kill|pkill|killall) $harmless([Hh]ermes|gateway))"

# A command with a path that is no program of the system may be a script: what it runs is asked then.
unit_lines() { # FILE...
  awk -v cron="$cron_line" '
    function script(line, count, word, number) {
      gsub(/["\047]/, " ", line)
      count = split(line, word, " ")
      for (number = 1; number <= count; number++) {
        sub(/^[-@:+!]+/, "", word[number])
        if (word[number] ~ /^(\/|%h\/)/ && word[number] !~ /^\/(run|dev|proc|sys|(usr\/)?(s?bin|lib(exec|64)?))\//) return word[number]
      }
    }
    FNR == 1 { held = ""; name = unit = FILENAME == "-" ? "crontab" : FILENAME; sub(/\.d\/[^\/]*\.conf$/, "", unit) }
    { $0 = held $0; held = "" }
    /\\$/ { held = substr($0, 1, length($0) - 1) " "; next }
    /^EnvironmentFile=/ { files[unit] = files[unit] name ":" $0 "\n" }
    /^ExecStart=/ {
      if ($0 ~ /[Hh]ermes|gateway/) { asked[unit] = 1; print name ":" $0 }
      if ($0 !~ / -m hermes_cli/ && (path = script(substr($0, 11))) != "") { asked[unit] = 1; print name ":Script=" path }
      next
    }
    /^(Conflicts|PropagatesStopTo)=.*\.service/ || /^Exec[A-Z][A-Za-z]*=.*(systemctl|kill).*([Hh]ermes|gateway)/ ||
      /^User=|^Slice=hermes\.slice$/ || $0 ~ cron { print name ":" $0; next }
    /^(Memory(Max|High|Limit)|CPUQuota|TasksMax|AllowedCPUs)=/ && name ~ /slice(\.d\/|$)|\/user@/ { print name ":" $0; next }
    name ~ /\/etc\/cron|^crontab$/ && /^[@0-9*]/ && (path = script($0)) != "" { print name ":Script=" path }
    { for (rest = $0; match(rest, /HERMES_HOME=[^" ]*/); rest = substr(rest, RSTART + RLENGTH))
        print name ":" substr(rest, RSTART, RLENGTH) }
    END { for (unit in asked) printf "%s", files[unit] }
  ' /dev/null "$@" 2>/dev/null
}
# Of the scripts and files of variables of such units: the home, and the line that starts a gateway.
behind_units() { # reads `lines`
  set -f
  IFS=$newline
  set --
  for line in $lines; do
    case $line in
      *:Script=*) path=${line#*:Script=} ;;
      *:EnvironmentFile=*) path=${line#*:EnvironmentFile=}; path=${path#-}; path=${path#[\"\']}; path=${path%[\"\']} ;;
      *) continue ;;
    esac
    case $path in %h/*) path=$account/${path#%h/} ;; esac
    ! readable "$path" || set -- "$@" "$path"
  done
  unset IFS
  set +f
  [ $# -gt 0 ] && has head || return 0
  head -c 65536 /dev/null "$@" 2>/dev/null | awk -v cron="$cron_line" '
    /^==> \/.* <==$/ { file = substr($0, 5, length($0) - 8); next }
    /gateway +run/ && $0 ~ cron { print file ":Runs=" $0 }
    { gsub(/["\047]/, "")
      if (match($0, /HERMES_HOME=[^ ;]+/)) print file ":" substr($0, RSTART, RLENGTH) }'
}

# Which of the units that a boot needs before any service of a user or of the system are masked, or
# lead to one that ends everything.
look_masks() {
  [ -d /run/systemd/system ] || return 0
  for path in default multi-user graphical; do mask_of "/etc/systemd/system/$path.target"; done
  for path in systemd-logind "user@" "user@$uid" "user-runtime-dir@" "user-runtime-dir@$uid"; do
    mask_of "/etc/systemd/system/$path.service"
  done
  for path in "$systemd_folder" /etc/systemd/user; do
    for name in default basic; do mask_of "$path/$name.target"; done
  done
}
mask_of() { # UNIT: an empty file masks it, too
  [ -e "$1" ] || return 0
  if [ "$1" -ef /dev/null ] || { [ -f "$1" ] && [ ! -s "$1" ]; }; then say "masked $1"; return; fi
  [ -L "$1" ] || return 0
  for end in rescue emergency exit shutdown poweroff reboot halt; do
    for kind in /usr/lib/systemd/system /usr/lib/systemd/user /lib/systemd/system /lib/systemd/user; do
      if [ "$1" -ef "$kind/$end.target" ]; then say "masked $1"; return; fi
    done
  done
}
