#!/opt/mac/gnu/bin/bash -p
# `sw_vers` of a Mac.
read -r version build _ </run/product
case ${*,,} in
  '') printf 'ProductName:\t\tmacOS\nProductVersion:\t\t%s\nBuildVersion:\t\t%s\n' "$version" "$build" ;;
  -productname | --productname) echo macOS ;;
  -productversion | --productversion) echo "$version" ;;
  -buildversion | --buildversion) echo "$build" ;;
  *) exec /opt/mac/refuse.sh sw_vers "$@" ;;
esac
