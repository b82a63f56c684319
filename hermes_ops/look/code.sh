# shellcheck shell=sh disable=SC2154 # names of the files that a script has before and behind it
# Whether the code that a gateway would start with is what was installed.

# Reports what is gone, empty or no Python any more of Hermes itself, and of the top of each library that
# lies beside it; and libraries that Hermes requires and nobody has installed. Nothing is imported.
look_code() {
  [ -n "${hermes_info-}" ] && [ -x "$hermes_python" ] && may_run "$hermes_python" || return 0
  limited 10 "$hermes_python" -I -S -B -W ignore -c '
import csv, os, re, sys
root, own = os.path.split(sys.argv[1])
def named(name):
    return re.sub("[-_.]+", "-", name).lower()
def counts(path, whole):
    if path.startswith(("/", "..")) or re.search("(^|/)tests?/", path):
        return False
    return path.endswith(".so") or path.endswith(".py") and (whole or re.fullmatch("[^/]+(/__init__)?.py", path))
def wrong(path, size, since):
    place = os.path.join(root, path)
    try:
        state = os.stat(place)
        if size and not state.st_size:
            return "is empty"
        if path.endswith(".so") or state.st_size == size and state.st_mtime <= since + 60:
            return ""
        with open(place, "rb") as file:
            compile(file.read(), path, "exec")
    except OSError as error:
        return "is gone" if isinstance(error, FileNotFoundError) else "cannot be read"
    except (SyntaxError, ValueError):
        return "is no Python any more"
def records():
    for folder in sorted(os.listdir(root)):
        name, _, kind = folder.rpartition(".")
        if kind in ("dist-info", "egg-info"):
            there.add(named(name.rpartition("-")[0] or name))
        if kind == "dist-info" and os.path.isfile(os.path.join(root, folder, "RECORD")):
            yield folder
there, found = set(), []
for folder in records():
    record = os.path.join(root, folder, "RECORD")
    with open(record, encoding="utf-8", newline="") as file:
        since, whole = os.fstat(file.fileno()).st_mtime, folder == own
        for path, _, size in (row for row in csv.reader(file) if len(row) == 3):
            if counts(path, whole) and (words := wrong(path, int(size or 0), since)):
                found.append(f"{path} {words}")
with open(os.path.join(root, own, "METADATA"), encoding="utf-8", errors="replace") as file:
    needs = [re.match("[A-Za-z0-9._-]+", line[15:])[0] for line in file if re.match("Requires-Dist: [A-Za-z0-9]", line) and ";" not in line]
try:
    with open(os.path.join(root, "../../../pyvenv.cfg"), encoding="utf-8") as file:
        alone = re.search("include-system-site-packages *= *false", file.read())
except OSError:
    alone = False
if alone:
    found += [f"the library {name} is not installed" for name in needs if named(name) not in there]
print(*found[:50], sep="\n")' "$hermes_info" 2>/dev/null </dev/null |
    while IFS= read -r line; do [ -z "$line" ] || say "damaged $line"; done
}
