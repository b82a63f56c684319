#!/bin/sh
# `sw_vers` of a Mac.
file=/System/Library/CoreServices/SystemVersion.plist
value() { /opt/mac/gnu/bin/sed -n "/<key>$1</{n;s/.*<string>\(.*\)<.*/\1/p;}" $file; }
case $(printf %s "$*" | tr '[:upper:]' '[:lower:]') in
  '')
    printf 'ProductName:\t\t%s\n' "$(value ProductName)"
    printf 'ProductVersion:\t\t%s\n' "$(value ProductVersion)"
    printf 'BuildVersion:\t\t%s\n' "$(value ProductBuildVersion)"
    ;;
  -productname | --productname) value ProductName ;;
  -productversion | --productversion) value ProductVersion ;;
  -buildversion | --buildversion) value ProductBuildVersion ;;
  *)
    exec /opt/mac/refuse.sh sw_vers "$@"
    ;;
esac
