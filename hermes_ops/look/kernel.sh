# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# What kind of system this is, and what its kernel lets services have: limits, a /tmp, programs in the home.

look_controllers() { # none where the kernel has cgroups of the first version
  [ -d /run/systemd/system ] || return 0
  controllers=
  path=/sys/fs/cgroup/user.slice/user-$uid.slice/user@$uid.service/cgroup.controllers
  [ ! -r "$path" ] || read -r controllers <"$path"
  say "controllers $controllers"
  is_set user/max_user_namespaces 0 || is_set kernel/unprivileged_userns_clone 0 ||
    is_set kernel/apparmor_restrict_unprivileged_userns 1 || return 0
  say "namespaceless -"
}
look_system_controllers() {
  [ -d /run/systemd/system ] || return 0
  controllers=
  if [ -r /sys/fs/cgroup/cgroup.controllers ]; then
    read -r controllers </sys/fs/cgroup/cgroup.controllers
    case " $controllers " in *' memory '*) controllers="$controllers memory.high" ;; esac
  else
    for name in memory pids cpu; do
      [ ! -d "/sys/fs/cgroup/$name" ] || controllers="$controllers $name"
    done
  fi
  say "system_controllers $controllers"
}
is_set() { # NAME VALUE
  [ -r "/proc/sys/$1" ] && read -r value <"/proc/sys/$1" && [ "$value" = "$2" ]
}

# Whether no program may be run from the home: of the file systems above it the nearest counts.
look_noexec() {
  [ -r /proc/self/mounts ] || return 0
  here=$(pwd -P)/
  mounted=
  while read -r _ point _ words _; do
    above=${point%/} # bash matches no "${point%/}"/* if that is empty
    case $here in "$above"/*) ;; *) continue ;; esac
    [ ${#point} -lt ${#mounted} ] || { mounted=$point; options=,$words,; }
  done </proc/self/mounts
  case $mounted:$options in *:*,noexec,*) say "noexec $mounted" ;; esac
}

look_traits() {
  [ ! -r /sys/fs/selinux/enforce ] || {
    read -r value </sys/fs/selinux/enforce
    case $value in 1) say 'trait selinux enforcing' ;; *) say 'trait selinux permissive' ;; esac
  }
  for path in /lib/ld-musl-*; do
    [ ! -e "$path" ] || { say 'trait musl'; break; }
  done
  [ -r /proc/sys/kernel/osrelease ] && read -r value </proc/sys/kernel/osrelease || return 0
  case $value in *[Mm]icrosoft* | *WSL*) say 'trait wsl' ;; esac
}
