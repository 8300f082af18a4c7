#!/usr/bin/env bash
# In a throw-away machine with systemd: the engine as its service, which the first client starts.
#   service.sh TREE BUSYBOX CLIENT
# BUSYBOX is a static busybox to make an image of, CLIENT a Docker command line. Prints a line for each step.
set -euo pipefail
tree=$1 busybox=$2 client=$3
export DOCKER_HOST=unix:///run/docker.sock
trap '[[ $? == 0 ]] || journalctl --no-pager -u gantry.service | tail -n 20' EXIT
waits_for() { # WHAT CONDITION…
  local what=$1; shift
  for _ in $(seq 600); do if "$@" >/dev/null 2>&1; then echo "ok $what"; return; fi; sleep .2; done
  echo "not ok $what"; return 1
}
holds() { # WHAT CONDITION…
  local what=$1; shift
  "$@" || { echo "not ok $what"; return 1; }
  echo "ok $what"
}
is() { [[ $(systemctl show -P "$1" gantry.service) == "$2" ]]; }
main() { systemctl show -P MainPID gantry.service; }
process() { "$client" inspect -f '{{.State.Pid}}' web; }

for unit in gantry.service gantry.socket; do
  sed "s#/opt/gantry#$tree#" "$tree/tools/systemd/$unit" >"/etc/systemd/system/$unit"
done
systemctl daemon-reload
systemctl start gantry.socket
waits_for "not started yet" is ActiveState inactive
"$client" version --format '{{.Server.Version}}'
waits_for "started by the first client" is ActiveState active
holds "ready was told" bash -c "systemctl show -P StatusText gantry.service | grep -q '^listening on '"

root=$(mktemp -d)
mkdir -p "$root"/{bin,etc,tmp}
cp "$busybox" "$root/bin/busybox"
ln -s busybox "$root/bin/sleep"
tar -C "$root" -c . | "$client" import - busybox:latest >/dev/null
"$client" run -d --name web --network none busybox:latest sleep 1000000 >/dev/null
pid=$(process)

mkdir -p /etc/gantry
echo '{"labels": ["place=here"]}' >/etc/gantry/daemon.json
systemctl reload gantry.service
waits_for "read its settings again" bash -c "'$client' info --format '{{.Labels}}' | grep -q place=here"

before=$(main)
systemctl kill -s KILL --kill-whom=main gantry.service
again() { is ActiveState active && [[ $(main) != "$before" ]]; }
waits_for "started again after a kill" again
holds "its container went on" test "$(process)" = "$pid" -a -e "/proc/$pid"

systemctl stop gantry.socket gantry.service
holds "stopped" is Result success
holds "its container goes on without it" test -e "/proc/$pid"
systemctl start gantry.service
"$client" rm -f web >/dev/null
holds "took it up again" test ! -e "/proc/$pid"
systemctl stop gantry.socket gantry.service
