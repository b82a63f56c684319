#!/bin/sh
# `uname` of a Mac.
version=$(sw_vers -productVersion)
major=${version%%.*}
if [ "$major" -gt 15 ]; then major=$((major - 1)); else major=$((major + 9)); fi
release=$major.5.0
kernel="Darwin Kernel Version $release: simulated; root:xnu/RELEASE_ARM64"
answer() { # LETTER
  case $1 in
    s) printf Darwin ;;
    n) printf %s "$(hostname)" ;;
    r) printf %s "$release" ;;
    v) printf %s "$kernel" ;;
    m) printf arm64 ;;
    p) printf arm ;;
  esac
}
wanted=
for word; do
  case $word in
    -*[!amnoprsv-]* | --* | [!-]*) exec /opt/mac/refuse.sh uname "$@" ;;
    *) wanted=$wanted${word#-} ;;
  esac
done
case $wanted in *a*) wanted=snrvm ;; '') wanted=s ;; esac
between=
for letter in s n r v m p; do
  case $wanted in *$letter*)
    printf %s "$between"
    answer $letter
    between=' '
    ;;
  esac
done
echo
