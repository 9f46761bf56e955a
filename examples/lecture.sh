#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs every example into the folder $1 and writes an index page of their pictures and tables.
set -euo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")"
escape() { LC_ALL=C sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g' | LC_ALL=C tr -cd '\11\12\40-\176\200-\377'; }
page() {
  cat << 'END'
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Autoregressive models, as pipelines</title>
<style>body { font: 16px sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
pre { background: #f4f4f4; padding: .6em; overflow: auto; max-height: 24em } img { max-width: 100% }
h3 { font: bold 14px monospace; margin-bottom: 0 }</style></head><body>
<h1>Autoregressive models, as pipelines</h1>
END
  for folder in [0-9]*-*/; do
    name=${folder%/}
    if [ -e "$name/README.md" ]; then
      printf '<h2 id="%s">%s: %s</h2>\n' "$name" "${name%%-*}" \
        "$(head -1 "$name/README.md" | sed 's/^# //' | escape)"
      printf '<pre>%s</pre>\n' "$(tail -n +3 "$name/README.md" | escape)"
    else
      printf '<h2 id="%s">%s</h2>\n' "$name" "$name"
    fi
    for picture in "$out/$name"/*.png "$out/$name"/*.svg; do
      [ -e "$picture" ] || continue
      printf '<p><img src="%s/%s" alt="%s"></p>\n' "$name" "${picture##*/}" "${picture##*/}"
    done
    for table in "$out/$name"/*.txt; do
      [ -e "$table" ] || continue
      printf '<h3>%s</h3><pre>%s</pre>\n' "${table##*/}" "$(head -100 "$table" | escape)"
    done
  done
  echo '</body></html>'
}
for folder in [0-9]*-*/; do
  echo "== ${folder%/}"
  make -s -C "$folder" OUT="$out"
done
page > "$out/index.html"
echo "$out/index.html"
