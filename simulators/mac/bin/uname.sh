#!/opt/mac/gnu/bin/bash -p
# `uname` of a Mac.
read -r _ _ release </run/product
declare -A answers=(
  [s]=Darwin [n]=$HOSTNAME [r]=$release [m]=arm64 [p]=arm
  [v]="Darwin Kernel Version $release: simulated; root:xnu/RELEASE_ARM64"
)
wanted=
for word; do
  case $word in
    -*[!amnoprsv-]* | --* | [!-]*) exec /opt/mac/refuse.sh uname "$@" ;;
    *) wanted=$wanted${word#-} ;;
  esac
done
case $wanted in *a*) wanted=snrvm ;; '') wanted=s ;; esac
shown=()
for letter in s n r v m p; do
  [[ $wanted != *$letter* ]] || shown+=("${answers[$letter]}")
done
echo "${shown[*]}"
