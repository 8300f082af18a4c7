#!/usr/bin/env bash
# Do limits bite? One table of checks for cgroup v1, v2 and hybrid, on whichever machine this runs.
#   limits.sh COMMAND…   COMMAND is a Docker command line on an engine that has busybox:latest
# Prints "ok NAME: what was seen" or "not ok …" per check; fails if one did.
set -uo pipefail
cli=("$@")
image=busybox:latest
failed=0
groups=/sys/fs/cgroup
v2=; [[ $(stat -fc %T $groups) == cgroup2fs ]] && v2=1

check() { # NAME WHAT-WAS-SEEN CONDITION…
  local name=$1 seen=$2; shift 2
  if "$@"; then echo "ok $name: $seen"; else echo "not ok $name: $seen"; failed=1; fi
}
run() { timeout 60 "${cli[@]}" run "$@"; }
# group CONTAINER CONTROLLER: its folder, seen from the host
group() {
  local pid path; pid=$("${cli[@]}" inspect -f '{{.State.Pid}}' "$1")
  if [[ -n $v2 ]]; then path=$(sed -n 's/^0:://p' "/proc/$pid/cgroup"); echo "$groups$path"
  else path=$(sed -n "s/^[0-9]*:\([^:]*,\)\?$2\(,[^:]*\)\?:\(.*\)/\3/p" "/proc/$pid/cgroup"); echo "$groups/$2$path"; fi
}
gone() { "${cli[@]}" rm -f "$@" >/dev/null 2>&1; }
value() { cat "$1/$2" 2>/dev/null || echo "(no $2)"; }

gone m1 m2 p1 c1 d1 f1 a1

# memory: the process that takes too much is killed, and the engine knows why
run --name m1 --memory 32m --memory-swap 32m $image sh -c 'tail /dev/zero' >/dev/null 2>&1; code=$?
oom=$("${cli[@]}" inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' m1)
check memory "exit $code, OOMKilled and ExitCode: $oom" test "$code $oom" = "137 true 137"
run --name m2 --memory 64m $image true; code=$?
oom=$("${cli[@]}" inspect -f '{{.State.OOMKilled}}' m2)
check memory-enough "exit $code, OOMKilled: $oom" test "$code $oom" = "0 false"

# pids: a fork bomb meets the limit and the machine stays usable
run -d --name p1 --pids-limit 32 $image sh -c 'bomb() { bomb | bomb & }; bomb; sleep 1000' >/dev/null
folder=$(group p1 pids)
for _ in $(seq 100); do
  events=$(sed -n 's/^max //p' "$folder/pids.events" 2>/dev/null); [[ ${events:-0} -gt 0 ]] && break; sleep .1
done
now=$(value "$folder" pids.current)
check pids "$now processes, ${events:-no} forks refused" test "${events:-0}" -gt 0 -a "$now" -le 32
gone p1

# cpu: half a processor is at most half of the time that passes
run -d --name c1 --cpus 0.5 $image sh -c 'while :; do :; done' >/dev/null
folder=$(group c1 cpu) usage=$(group c1 cpuacct)
used() { if [[ -n $v2 ]]; then sed -n 's/^usage_usec //p' "$folder/cpu.stat"; else echo $(($(<"$usage/cpuacct.usage") / 1000)); fi; }
micros() { echo "${EPOCHREALTIME/./}"; }
from=$(micros) before=$(used)
for _ in $(seq 200); do
  throttled=$(sed -n 's/^nr_throttled //p' "$folder/cpu.stat"); [[ $throttled -ge 10 ]] && break; sleep .1
done
after=$(used) to=$(micros)
share=$(((after - before) * 100 / (to - from)))
check cpus "$share % of one processor, throttled $throttled times" test "$throttled" -ge 10 -a "$share" -le 55
gone c1

# devices: what is not given cannot be opened, though its node can be made
kmsg='mknod /tmp/kmsg c 1 11 && : >/tmp/kmsg'
seen=$(run --rm $image sh -c "$kmsg" 2>&1); code=$?
check device-refused "exit $code, $seen" test "$code" -ne 0 -a -z "${seen##*not permitted*}"
seen=$(run --rm --device /dev/kmsg $image sh -c ': >/dev/kmsg' 2>&1); code=$?
check device-given "exit $code $seen" test "$code" -eq 0
seen=$(run --rm --device /dev/kmsg:/dev/kmsg:r $image sh -c ': >/dev/kmsg' 2>&1); code=$?
check device-read-only "exit $code, $seen" test "$code" -ne 0 -a -z "${seen##*not permitted*}"
seen=$(run --rm --device-cgroup-rule 'c 1:11 rwm' $image sh -c "$kmsg" 2>&1); code=$?
check device-rule "exit $code $seen" test "$code" -eq 0
seen=$(run --rm --privileged $image sh -c "$kmsg" 2>&1); code=$?
check device-privileged "exit $code $seen" test "$code" -eq 0
seen=$(run --rm $image sh -c 'echo x >/dev/null && head -c 1 /dev/zero | wc -c && mknod /tmp/b b 7 0' 2>&1); code=$?
check device-defaults "exit $code $seen" test "$code" -eq 0

# cpuset
seen=$(run --rm --cpuset-cpus 0 $image sed -n 's/Cpus_allowed_list:\t//p' /proc/self/status)
check cpuset "$seen" test "$seen" = 0

# freezer: a paused container does not run
run -d --name f1 $image sh -c 'i=0; while :; do i=$((i+1)); echo $i >/tmp/n; done' >/dev/null
"${cli[@]}" pause f1 >/dev/null; code=$?
folder=$(group f1 freezer) pid=$("${cli[@]}" inspect -f '{{.State.Pid}}' f1)
state=$(if [[ -n $v2 ]]; then sed -n 's/^frozen //p' "$folder/cgroup.events"; else cat "$folder/freezer.state"; fi)
one=$(cat "/proc/$pid/root/tmp/n" 2>/dev/null); sleep .3; two=$(cat "/proc/$pid/root/tmp/n")
check pause "exit $code, $state, counter at $one then $two" test "$code $one" = "0 $two" -a "${state/1/FROZEN}" = FROZEN
"${cli[@]}" unpause f1 >/dev/null; code=$?
for _ in $(seq 100); do two=$(cat "/proc/$pid/root/tmp/n"); [[ -n $two && $one != "$two" ]] && break; sleep .1; done
check unpause "exit $code, counter at $two" test "$code" -eq 0 -a "$one" != "$two"
gone f1

# the other values arrive where the kernel reads them
disk=$(lsblk -dno MAJ:MIN,TYPE 2>/dev/null | awk '$2 == "disk" {print $1; exit}')
node=$([[ -n $disk ]] && lsblk -dnpo NAME,MAJ:MIN | awk -v d="$disk" '$2 == d {print $1; exit}')
io=(); [[ -n $node && -b $node ]] && io=(--device-write-bps "$node:1mb" --device-read-iops "$node:100")
run -d --name a1 --memory 96m --memory-swap 128m --memory-reservation 48m --cpu-shares 512 "${io[@]}" $image sleep 1000 >/dev/null
memory=$(group a1 memory) cpu=$(group a1 cpu) blkio=$(group a1 blkio)
if [[ -n $v2 ]]; then
  seen=$(echo $(value "$memory" memory.max) $(value "$memory" memory.swap.max) $(value "$memory" memory.low) $(value "$cpu" cpu.weight))
  wanted="100663296 33554432 50331648 20"
else
  seen=$(echo $(value "$memory" memory.limit_in_bytes) $(value "$memory" memory.memsw.limit_in_bytes) $(value "$memory" memory.soft_limit_in_bytes) $(value "$cpu" cpu.shares))
  wanted="100663296 134217728 50331648 512"
fi
check values "$seen" test "$seen" = "$wanted"
if [[ ${#io[@]} -gt 0 ]]; then
  if [[ -n $v2 ]]; then seen=$(value "$blkio" io.max) wanted="$disk rbps=max wbps=1048576 riops=100 wiops=max"
  else seen=$(echo $(value "$blkio" blkio.throttle.write_bps_device) $(value "$blkio" blkio.throttle.read_iops_device)) wanted="$disk 1048576 $disk 100"; fi
  check block-io "$seen" test "$seen" = "$wanted"
fi
gone m1 m2 a1
exit $failed
