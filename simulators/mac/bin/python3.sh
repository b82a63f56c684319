#!/opt/mac/gnu/bin/bash -p
# What lies in /usr/bin of a Mac without its developer tools: it runs nothing, and asks for them.
if grep -q '"developer_tools": "yes"' /var/db/simulator/knobs.json 2>/dev/null; then
  exec -a "$0" /opt/mac/gnu/bin/python3 "$@"
fi
echo 'xcode-select: note: No developer tools were found, requesting install.' >&2
# shellcheck disable=SC2016 # as Apple writes it
echo 'If developer tools are located at a non-default location on disk, use `sudo xcode-select --switch path/to/Xcode.app`.' >&2
exit 1
