# shellcheck shell=sh disable=SC2154 # names of the files that a script has before it
# Keep secrets and endless lines of logs on the host. Nothing of a log is sent but through this.

# Let no secret of a profile's .env leave the host: whatever is the value of a name like API_KEY, or
# looks like a key. Values are in no argument list.
log_masked() { # ENV-FILE CUT: a filter; with CUT the first line is the rest of one that was cut
  env_file=/dev/null
  ! readable "$1" || env_file=$1
  log_masked_blocks "- $env_file" "$2"
}
log_masked_blocks() { # ENV-FILES CUT: the same for blocks of texts, one process for all: `KEY ENV-FILE` lines
  # Not every awk takes a NUL: it travels as a byte that no text has, which itself becomes another one.
  tr '\000\377' '\377\376' | log_env=$1 awk -v cut="$2" -v longest="$log_longest" -v nonce="$nonce" '
    function masked(text, value, out, at) {
      out = ""
      while ((at = index(text, value))) {
        out = out substr(text, 1, at - 1) "***"
        text = substr(text, at + length(value))
      }
      return out text
    }
    function learn(env) {
      while ((getline line < env) > 0) {
        sub(/\r$/, "", line)
        sub(/^[ \t]*(export[ \t]+)?/, "", line)
        at = index(line, "=")
        if (at < 2 || line ~ /^#/) continue
        name = toupper(substr(line, 1, at - 1))
        value = substr(line, at + 1)
        sub(/^[ \t]+/, "", value)
        quote = substr(value, 1, 1)
        if (quote == "\"" || quote == "\047") {
          value = substr(value, 2)
          at = index(value, quote)
          if (at) value = substr(value, 1, at - 1)
        } else {
          sub(/[ \t]+#.*$/, "", value)
          sub(/[ \t]+$/, "", value)
        }
        if (length(value) < 8 || value ~ /^[0-9.:]+$/) continue
        if (name ~ /TOKEN|SECRET|PASS|KEY|CREDENTIAL|AUTH|COOKIE|PRIVATE|WEBHOOK|DSN/ ||
            (length(value) >= 20 && value ~ /[0-9]/ && value ~ /[A-Za-z]/ && value !~ /[ \/]/))
          secrets[++number] = value
      }
      close(env)
    }
    BEGIN {
      number = 0
      files = split(ENVIRON["log_env"], env_files, "\n")
      for (file = 1; file <= files; file++) {
        if (!(at = index(env_files[file], " "))) continue
        key = substr(env_files[file], 1, at - 1)
        first[key] = number + 1
        learn(substr(env_files[file], at + 1))
        last[key] = number
      }
    }
    cut && NR == 1 { next }
    index($0, nonce " begin text ") == 1 { key = $4 }
    {
      line = $0
      for (i = first[key] + 0; i > 0 && i <= last[key]; i++)
        if (index(line, secrets[i])) line = masked(line, secrets[i])
      if (length(line) > longest) line = substr(line, 1, longest) " [cut: " length(line) " bytes]"
      print line
    }'
}
