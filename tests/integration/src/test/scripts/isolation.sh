#!/bin/sh
# Runs inside a container with Docker's default rights and tries to get out. Prints a line "LEAK …"
# for each thing that should have been refused and was not, and "done" at the end.
#   isolation.sh ENGINE-PID HOST-PORT BLOCK-MAJOR BLOCK-MINOR
engine=$1 port=$2 major=$3 minor=$4

refused() { # WHAT COMMAND…
  what=$1; shift
  if "$@" >/tmp/said 2>&1; then echo "LEAK $what: $(head -c 200 /tmp/said)"; fi
}
same() { [ "$2" = "$3" ] || echo "LEAK $1: $2 is not $3"; }

# system calls: EPERM, whatever the arguments
probe() { # NAME NUMBER [ARGUMENT…]
  name=$1; shift
  got=$(/probe "$name" 64 "$@"); code=$?
  [ "$code" = 0 ] && case $got in "$name 1") ;; *) echo "LEAK $got (exit $code)" ;; esac
}
probe mount 165 0 0 0 0 0
probe umount2 166 0 0
probe pivot_root 155 0 0
probe swapon 167 0 0
probe swapoff 168 0
probe reboot 169 0xfee1dead 672274793 0
probe init_module 175 0 0 0
probe finit_module 313 0 0 0
probe delete_module 176 0 0
probe kexec_load 246 0 0 0 0
probe kexec_file_load 320 0 0 0 0 0
probe acct 163 0
probe settimeofday 164 0 0
probe clock_settime 227 0 0
probe iopl 172 3
probe ioperm 173 0 1 1
probe syslog 103 2 0 0
probe quotactl 179 0 0 0 0
probe bpf 321 0 0 0
probe perf_event_open 298 0 0 0 0 0
probe keyctl 250 0 -3 0
probe add_key 248 0 0 0 0 0
probe request_key 249 0 0 0 0
probe open_by_handle_at 304 0 0 0
probe userfaultfd 323 0
probe io_uring_setup 425 0 0
probe unshare-user 272 0x10000000
probe unshare-mount 272 0x20000
probe setns 308 0 0
probe clone-user 56 0x10000011 0 0 0 0
probe clone-mount 56 0x20011 0 0 0 0
probe fsopen 430 0 0
probe fsmount 432 0 0 0
probe fspick 433 0 0 0
probe open_tree 428 0 0 0
probe move_mount 429 0 0 0 0 0
probe mount_setattr 442 0 0 0 0 0
probe vhangup 153
probe lookup_dcookie 212 0 0 0
probe set_mempolicy 238 0 0 0
probe personality-no-random 135 0x40000
probe vsock 41 40 1 0
same clone3 "$(/probe clone3 64 435 0 0)" "clone3 38"
# the same through the other doors; a kernel without them says 38
for abi in 32 x32; do
  number=21; [ "$abi" = x32 ] && number=165
  said=$(/probe mount $abi $number 0 0 0 0 0 2>/dev/null)
  case $said in "mount 1" | "mount 38" | "") ;; *) echo "LEAK $abi $said" ;; esac
done

# rights
same capabilities "$(sed -n 's/^CapEff:\t//p' /proc/self/status)" 00000000a80425fb
same bounding "$(sed -n 's/^CapBnd:\t//p' /proc/self/status)" 00000000a80425fb
same inheritable "$(sed -n 's/^CapInh:\t//p' /proc/self/status)" 0000000000000000
same ambient "$(sed -n 's/^CapAmb:\t//p' /proc/self/status)" 0000000000000000
same seccomp "$(sed -n 's/^Seccomp:\t//p' /proc/self/status)" 2

# the kernel's files
for file in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/kernel/hotplug \
  /proc/sysrq-trigger /proc/sys/vm/panic_on_oom /proc/sys/kernel/domainname /proc/irq/default_smp_affinity; do
  [ -e $file ] && refused "write $file" sh -c "cat $file >/tmp/old 2>/dev/null; echo h >$file"
done
for file in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts /proc/sched_debug /proc/latency_stats; do
  [ -e $file ] && same "$file" "$(head -c 10 $file 2>/dev/null)" ""
done
for folder in /proc/acpi /proc/scsi /sys/firmware /sys/devices/virtual/powercap; do
  [ -d $folder ] && same "$folder" "$(ls $folder)" ""
done
refused "write to sysfs" sh -c 'echo / >/sys/kernel/uevent_helper'
refused "make a folder in sysfs" mkdir /sys/x
for group in /sys/fs/cgroup /sys/fs/cgroup/*; do
  [ -d "$group" ] || continue
  refused "release_agent of $group" sh -c "echo /x >$group/release_agent"
  refused "notify_on_release of $group" sh -c "echo 1 >$group/notify_on_release"
  refused "a group below $group" mkdir "$group/x"
  [ -e "$group/cgroup.procs" ] && refused "leave $group" sh -c "echo 0 >$group/cgroup.procs"
done
refused "mount a hierarchy" mount -t cgroup -o rdma c /tmp
refused "mount a disk" mount -t tmpfs t /tmp
refused "remount /proc/sys" mount -o remount,rw /proc/sys
refused "unshare a user namespace" unshare -U true

# devices
for node in mem:c:1:1 kmsg:c:1:11 disk:b:$major:$minor port:c:1:4 fuse:c:10:229 tun:c:10:200; do
  name=${node%%:*} rest=${node#*:}
  rm -f /tmp/$name
  # shellcheck disable=SC2046
  mknod /tmp/$name $(echo "$rest" | tr : ' ') 2>/dev/null || continue
  refused "read $name" dd if=/tmp/$name of=/dev/null bs=1 count=1
  refused "write $name" dd if=/dev/zero of=/tmp/$name bs=1 count=1 conv=notrunc
done
same devices "$(cd /dev && echo *)" "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"

# the host's processes and network
same processes "$(cd /proc && ls -d [0-9]* | head -1)" 1
refused "signal the engine" kill -0 "$engine"
same "process 1" "$(tr '\0' ' ' </proc/1/cmdline | cut -d' ' -f1)" sh
refused "reach the host's loopback" nc -w 2 127.0.0.1 "$port"
refused "another container's files" sh -c 'find / -xdev -name the-other-one | grep .'
refused "the engine's data" ls /var/lib/gantry
refused "host's sockets" ls /run/gantry.sock /var/run/docker.sock

# what a program inherits: standard streams and what ls itself opens
same descriptors "$(ls /proc/self/fd | tr '\n' ' ')" "0 1 2 3 "
same "working folder" "$(pwd)" /
echo done
