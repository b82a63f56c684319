# shellcheck shell=sh disable=SC2154 # names of the files that a script has before and behind it
# Whether the code that a gateway would start with is what was installed.

# Reports what is gone, empty or no Python any more of Hermes itself, and of the top of each library that
# lies beside it; libraries that Hermes requires and nobody has installed; and what lies in the home of a
# gateway, where it starts, under the name of a module. Nothing of Hermes is imported. And which files of
# the homes should be JSON and are none: their contents stay here.
look_code() { # FILES HOME...: names of files, and of folders that end in /, separated by blanks
  compare_code "${hermes_info-}" "$@" || return 0
  set -f
  IFS=$newline
  for line in $told; do case $line in damaged* | shadow* | garbled*) say "$line" ;; esac; done
  unset IFS
  set +f
  case $told in
    *compared) ;;
    late) say "unread the code of Hermes (to compare it takes longer than 10 s)" ;;
    *) say "damaged its Python does not come up" ;;
  esac
}
# Before a restart only the first damage matters: what runs is not ended then.
find_damage() { # METADATA: sets `damage`, empty if there is none
  damage=
  compare_code "$1" '' || return 0
  case $newline$told in
    *"${newline}damaged "*) damage=${told#*damaged }; damage=${damage%%"$newline"*} ;;
    *compared | *late) ;;
    *) damage='its Python does not come up' ;;
  esac
}
compare_code() { # METADATA FILES HOME...: sets `told`, to `late` if there was no end; fails if nothing can be compared
  [ -n "$1" ] && [ -x "$hermes_python" ] && may_run "$hermes_python" || return
  told=$(limited 10 "$hermes_python" -I -S -B -W ignore -c '
import os, sys
root, own = os.path.split(sys.argv[1])
names = set(sys.stdlib_module_names) - set(sys.builtin_module_names)
def named(name):
    return "-".join(filter(None, name.replace("_", "-").replace(".", "-").lower().split("-")))
def counts(path, whole):
    if path.startswith(("/", "..")) or "test" in path and {"test", "tests"} & set(path.split("/")[:-1]):
        return False
    folder, _, name = path.partition("/")
    return whole or path.endswith(".so") or not name or name == "__init__.py"
def rows(file, whole):
    # Most lines are of files deep in a library whose name is known by then: they are passed over.
    known = "\n"
    for line in file:
        if not whole and line.startswith(known) and line.count("/") > 1 and ".so," not in line:
            continue
        path, _, more = line.partition(",")
        if path[:1] == "\"":
            import csv
            path, digest, size = (next(csv.reader([line])) + ["", ""])[:3]
        elif path.endswith((".py", ".so")):
            digest, _, size = more.strip().rpartition(",")
        if path.endswith((".py", ".so")):
            known = path.partition("/")[0] + "/" if path.endswith(".py") else known
            yield path, digest, int(size) if size.isdigit() else 0
def is_same(text, digest):
    # To compile takes fifty times as long; and whoever copies an installation may give all files a new date.
    import base64, hashlib
    own = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).decode().rstrip("=")
    return digest == "sha256=" + own
def wrong(path, digest, size, since):
    place = f"{root}/{path}"
    try:
        state = os.stat(place)
        if size and not state.st_size:
            return "is empty"
        if path.endswith(".so") or state.st_size == size and state.st_mtime <= since + 60:
            return ""
        with open(place, "rb") as file:
            text = file.read()
        if not is_same(text, digest):
            compile(text, path, "exec")
    except OSError as error:
        return "is gone" if isinstance(error, FileNotFoundError) else "cannot be read"
    except (SyntaxError, ValueError):
        return "is no Python any more"
def installed(folders):
    for folder in folders:
        name, _, kind = folder.rpartition(".")
        if kind in ("dist-info", "egg-info"):
            yield named(name.rpartition("-")[0] or name)
def elsewhere():
    # What a .pth adds, such as the libraries of another environment; few need to know.
    import site
    site.main()
    for place in sys.path:
        if os.path.isdir(place) and os.access(place, os.R_OK) and not os.path.samefile(place, root):
            yield from os.listdir(place)
folders, found = sorted(os.listdir(root)), []
there = set(installed(folders))
for folder in folders:
    record = os.path.join(root, folder, "RECORD")
    if not folder.endswith(".dist-info") or not os.path.isfile(record):
        continue
    with open(record, encoding="utf-8", newline="") as file:
        since, whole = os.fstat(file.fileno()).st_mtime, folder == own
        for path, digest, size in rows(file, whole):
            if path.endswith(".py"):
                names.add(path.partition("/")[0].removesuffix(".py"))
            if counts(path, whole) and (words := wrong(path, digest, size, since)):
                found.append(f"{path} {words}")
with open(os.path.join(root, own, "METADATA"), encoding="utf-8", errors="replace") as file:
    needs = [line[15:].split("(")[0] for line in file if line.startswith("Requires-Dist: ") and ";" not in line]
    needs = ["".join(c if c.isalnum() or c in "._-" else " " for c in line).split()[0] for line in needs if line[:1].isalnum()]
try:
    with open(os.path.join(root, "../../../pyvenv.cfg"), encoding="utf-8") as file:
        alone = "include-system-site-packages=false" in file.read().replace(" ", "")
except OSError:
    alone = False
if alone and not there.issuperset(map(named, needs)):
    there.update(installed(elsewhere()))
    found += [f"the library {name} is not installed" for name in needs if named(name) not in there]
for line in found[:50]:
    print("damaged", line)
def is_json(place):
    import json
    try:
        with open(place, "rb") as file:
            text = file.read(1 + (16 << 20))
        if len(text) <= 16 << 20:
            json.loads(text.decode("utf-8-sig"), strict=False)
    except OSError:
        pass
    except (ValueError, RecursionError):
        return False
    return True
def texts(home):
    for name in sys.argv[2].split():
        folder = os.path.join(home, name)
        if not name.endswith("/"):
            yield name
        elif os.path.isdir(folder) and os.access(folder, os.R_OK | os.X_OK):
            yield from (name + file for file in os.listdir(folder) if file.endswith(".json") and file.isprintable())
for home in sys.argv[3:]:
    for name in texts(home):
        place = os.path.join(home, name)
        if os.path.isfile(place) and not is_json(place):
            print("garbled", place)
    for name in os.listdir(home) if os.path.isdir(home) else ():
        module = os.path.isfile(os.path.join(home, name, "__init__.py")) or name.endswith(".py")
        if module and name.removesuffix(".py") in names:
            print("shadow", f"{home}/{name}")
print("compared")' "$@" 2>/dev/null </dev/null) || case $? in 124 | 137 | 143) told=late ;; esac
}
