# shellcheck shell=sh disable=SC2154 # names of the files that a script has before and behind it
# What decides whether a Mac brings its gateways back, and stays awake. It only reads; what this user
# may not read, or this macOS does not know, is left out.

look_mac() {
  said=$(limited 10 /usr/bin/fdesetup status 2>/dev/null)
  case $said in *'FileVault is On'*) say 'health filevault on' ;; esac
  say "health autologin $(limited 10 /usr/bin/defaults read /Library/Preferences/com.apple.loginwindow autoLoginUser 2>/dev/null)"
  # `sysadminctl -autologin` may end well and do nothing: this file is what the login window reads.
  [ ! -e /etc/kcpassword ] || say 'health autologin-password kept'
  owner=$(/usr/bin/stat -f %Su /dev/console 2>/dev/null)
  [ -z "$owner" ] || say "health console $owner"
  launchd_domains && say "health domain $domain"
  limited 10 /usr/bin/pmset -g 2>/dev/null | while read -r name value _; do
    # Such as ` sleep                0 (sleep prevented by caffeinate)`.
    case $name:$value in
      sleep:[0-9]* | autorestart:[01] | SleepDisabled:[01]) say "health $name $value" ;;
    esac
  done
}
