#!/usr/bin/env bash
# In a throw-away machine: starts an engine from the tree at TREE and runs a script on it.
#   in-vm.sh TREE BUSYBOX CLIENT SCRIPT
# BUSYBOX is a static busybox to make an image of, CLIENT a Docker command line.
set -euo pipefail
tree=$1 busybox=$2 client=$3 script=$4
export DOCKER_HOST=unix:///run/gantry.sock
"$tree/gantryd" >/tmp/gantryd.log 2>&1 &
engine=$!
trap 'kill $engine 2>/dev/null; wait $engine 2>/dev/null || true' EXIT
for _ in $(seq 300); do curl -sf --unix-socket /run/gantry.sock http://d/_ping >/dev/null && break; sleep .1; done
curl -sf --unix-socket /run/gantry.sock http://d/_ping >/dev/null || { cat /tmp/gantryd.log; exit 1; }
root=$(mktemp -d)
mkdir -p "$root"/{bin,etc,tmp,root}
cp "$busybox" "$root/bin/busybox"
for applet in $("$busybox" --list); do [[ $applet == busybox ]] || ln -s busybox "$root/bin/$applet"; done
echo root:x:0:0:root:/root:/bin/sh >"$root/etc/passwd"
tar -C "$root" -c . | "$tree/gantry" import - busybox:latest >/dev/null
status=0
bash "$script" "$client" || status=$?
[[ $status == 0 ]] || tail -n 20 /tmp/gantryd.log
exit $status
