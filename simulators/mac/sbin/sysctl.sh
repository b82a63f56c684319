#!/bin/sh
# `sysctl -n` of a Mac.
[ "$1" = -n ] && [ $# -ge 2 ] || exec /opt/mac/refuse.sh sysctl "$@"
shift
kernel=/opt/mac/kernel
for name; do
  case $name in
    hw.machine) echo arm64 ;;
    hw.model) echo Mac16,10 ;;
    hw.ncpu | hw.logicalcpu | hw.physicalcpu) grep -c '^processor' $kernel/cpuinfo ;;
    hw.memsize)
      while read -r key number _; do
        [ "$key" != MemTotal: ] || echo $((number * 1024))
      done <$kernel/meminfo
      ;;
    hw.optional.arm64) echo 1 ;;
    machdep.cpu.brand_string) echo 'Apple M4' ;;
    kern.ostype) echo Darwin ;;
    kern.osproductversion) sw_vers -productVersion ;;
    kern.osrelease) uname -r ;;
    kern.hostname) hostname ;;
    kern.bootsessionuuid) cat /run/bootsession ;;
    kern.boottime)
      read -r second micro </run/boottime
      echo "{ sec = $second, usec = $micro } $(LC_ALL=C /opt/mac/gnu/bin/date -d "@$second" '+%a %b %e %T %Y')"
      ;;
    vm.loadavg)
      read -r one five fifteen _ <$kernel/loadavg
      echo "{ $one $five $fifteen }"
      ;;
    *) exec /opt/mac/refuse.sh sysctl "$name" ;;
  esac
done
