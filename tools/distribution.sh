# shellcheck shell=bash
# Builds and starts what lies in target/gantry. Sourced after machine.sh, with $root set.

# shellcheck disable=SC2154  # root is the sourcing script's
dist=$root/target/gantry
native=$root/target/native

# The sources that the distribution is made of; a folder's own date tells of files added and removed.
newest_source() {
  find "$root"/{pom.xml,.mvn,tools/distribution.sh} "$root"/*/pom.xml "$root"/*/src/main -newer "$dist/stamp" -print -quit
}

is_built() { [[ -e $dist/stamp && -z $(newest_source) ]]; }

# A source tree that the user cannot write is taken as it was built.
need_built() {
  [[ -e $dist/stamp && ! -w $root ]] || is_built || build_locked
}

build_locked() {
  mkdir -p "$root/target"
  exec 7>"$root/target/build.lock"; flock 7
  is_built || build
  exec 7>&-
}

build() {
  # shellcheck source=tools/machine.sh
  . "$root/tools/machine.sh"
  need_build_tools
  local started=$SECONDS
  # the build's own start, so that a source saved while it runs is built the next time
  mkdir -p "$dist" && touch "$dist/stamp.new"
  say "building (the first time Maven fetches its libraries)"
  build_native
  (cd "$root" && mvn -q -B -Dstyle.color=never -DskipTests -T 1C -pl cli,daemon,runtime,registry -am package </dev/null 2>&1 | sed 's/\x1b\[[0-9;]*m//g' >&2) || fail "the build failed"
  assemble
  mv "$dist/stamp.new" "$dist/stamp"
  say "built in $((SECONDS - started)) s"
}

# The C programs: static, no C library, so that a monitor costs a few kB.
build_native() {
  local program source
  mkdir -p "$native"
  for program in gantry-shim:shim gantry-hello:hello gantry-init:init gantry-launcher:launcher; do
    source=$root/runtime/src/main/c/${program#*:}.c
    [[ -n $(find "$root/runtime/src/main/c" -newer "$native/${program%:*}" -print -quit 2>/dev/null || echo new) ]] || continue
    cc -std=gnu11 -O2 -Wall -Wextra -Werror -fno-strict-aliasing -static -nostdlib -ffreestanding -fno-stack-protector \
      -fno-asynchronous-unwind-tables -fno-pie -no-pie -Wl,--build-id=none -Wl,-z,noseparate-code \
      -o "$native/${program%:*}.new" "$source" || fail "could not compile $source"
    mv "$native/${program%:*}.new" "$native/${program%:*}"
  done
}

# jars MODULE: the class path of one program, as the module's build collected it
jars() {
  local module=$1 jar list=
  for jar in "$root/$module/target/$module"-*.jar "$root/$module"/target/lib/*.jar; do
    cmp -s "$jar" "$dist/lib/${jar##*/}" || cp "$jar" "$dist/lib/"
    list+=:$dist/lib/${jar##*/}
  done
  printf '%s' "${list#:}"
}

# Lays out target/gantry: lib/ with jars and C programs, and per program an argument file for java.
# An AOT cache holds only for exactly these jars and options, so it is made from the same file.
assemble() {
  mkdir -p "$dist/lib"
  cp "$native"/gantry-* "$dist/lib/"
  ln -sfn "$JAVA_HOME" "$dist/jdk"
  # The cache is mapped where it was made for, so that its pages stay shared and nothing is rewritten
  # at each start; named outright, the selector provider is not searched for in every jar.
  local common="-XX:+UseSerialGC -XX:-UsePerfData --enable-native-access=ALL-UNNAMED -Dgantry.home=$dist"
  common+=" -XX:+UnlockDiagnosticVMOptions -XX:ArchiveRelocationMode=0"
  common+=" -Djava.nio.channels.spi.SelectorProvider=sun.nio.ch.EPollSelectorProvider"
  # A program of a few milliseconds: no second compiler, no profiles for it, no generated accessors.
  local quick="-XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=20 -XX:-AOTReplayTraining"
  quick+=" -Djdk.reflect.useNativeAccessorOnly=true -Xmx256m"
  local small="-XX:+UseCompactObjectHeaders -XX:-ShrinkHeapInSteps -Xms16m -Xmx384m -Xss512k -XX:ReservedCodeCacheSize=64m -XX:+ExitOnOutOfMemoryError"
  program runtime dev.gantry.runtime.RuntimeMain "$common $quick"
  train runtime --version
  program registry dev.gantry.registry.RegistryMain "$common -XX:+UseCompactObjectHeaders -Xms32m -Xmx384m -XX:+ExitOnOutOfMemoryError"
  train_registry
  program cli dev.gantry.cli.Gantry "$common $quick"
  # the command line again, for many commands: compiled at the usual pace, on a heap that shrinks
  local warm="${quick/-XX:CompileThresholdScaling=20 /} -Xms8m -XX:MinHeapFreeRatio=10 -XX:MaxHeapFreeRatio=20 -XX:+ExitOnOutOfMemoryError"
  program daemon dev.gantry.daemon.Gantryd "$common $small"
  if ! rehearse; then
    # what a usual call does, up to the point where no engine answers
    train cli -H unix:///nowhere run --rm -i -e A=1 -v /a:/b --name x image true
    train daemon --version
  fi
  finish runtime
  finish registry
  finish cli
  resident "$common $warm"
  finish daemon
}

# program MODULE MAIN OPTIONS: lib/MODULE.args.new, without a cache
program() {
  local module=$1 main=$2 options=$3
  rm -f "$dist/lib/$module.aot"
  printf '%s\n' "$options" "-cp $(jars "$module")" "$main" >"$dist/lib/$module.args.new"
}

# train MODULE ARGUMENT…: runs the program once and keeps what it used as its cache
train() {
  local module=$1; shift
  "$dist/jdk/bin/java" -XX:AOTCacheOutput="$dist/lib/$module.aot" "@$dist/lib/$module.args.new" "$@" \
    >"$dist/lib/$module.training" 2>&1 || true
}

# Trains the registry with a push and a pull. Needs no root; what it writes is removed.
train_registry() {
  local stage pid port config='{}' manifest requests
  local digest=sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
  stage=$(mktemp -d -t gantry-stage.XXXXXX)
  "$dist/jdk/bin/java" -XX:AOTCacheOutput="$dist/lib/registry.aot" "@$dist/lib/registry.args.new" \
    serve --listen 127.0.0.1:0 --data "$stage/data" >"$dist/lib/registry.training" 2>&1 &
  pid=$!
  for ((i = 0; i < 300; i++)); do
    port=$(sed -n 's|.*http://127.0.0.1:||p' "$dist/lib/registry.training")
    [[ -z $port ]] || break
    kill -0 $pid 2>/dev/null || break
    sleep 0.1
  done
  manifest='{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":"'$digest'"},"layers":[]}'
  requests="POST /v2/a/blobs/uploads/?digest=$digest HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n$config"
  requests+="PUT /v2/a/manifests/1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\nContent-Length: ${#manifest}\r\n\r\n$manifest"
  requests+="GET /v2/a/manifests/1 HTTP/1.1\r\nHost: a\r\n\r\nGET /v2/a/blobs/$digest HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
  { exec 8<>"/dev/tcp/127.0.0.1/$port" && printf %b "$requests" >&8 && timeout 20 cat <&8; exec 8>&-; } >/dev/null 2>&1 || true
  kill $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
  rm -rf "$stage"
}

# finish MODULE: the argument file, with the cache if there is one
finish() {
  local module=$1
  if [[ -e $dist/lib/$module.aot ]]; then
    sed -i "1s|^|-XX:AOTCache=$dist/lib/$module.aot |" "$dist/lib/$module.args.new"
  else
    say "note: $module starts without an AOT cache (see $dist/lib/$module.training)"
  fi
  mv "$dist/lib/$module.args.new" "$dist/lib/$module.args"
}

# resident OPTIONS: lib/resident.args, on the cache of the command line, which has the same classes
resident() {
  local cache=
  [[ ! -e $dist/lib/cli.aot ]] || cache="-XX:AOTCache=$dist/lib/cli.aot "
  printf '%s\n' "$cache$1" "-cp $(jars cli)" dev.gantry.cli.Resident >"$dist/lib/resident.args.new"
  mv "$dist/lib/resident.args.new" "$dist/lib/resident.args"
}

# Trains engine and command line on each other. That happens in namespaces of its own, with its files
# in memory, so that the machine sees nothing of it; false where that cannot be done.
rehearse() {
  [[ $EUID == 0 ]] && command -v unshare >/dev/null || return 1
  local stage status=0
  stage=$(mktemp -d -t gantry-stage.XXXXXX)
  export -f train
  # shellcheck disable=SC2016  # for the inner shell to expand
  dist=$dist stage=$stage timeout 100 unshare --mount --net bash -c '
    mount -t tmpfs none "$stage" || exit 1
    train daemon -H "unix://$stage/sock" --data-root "$stage/data" --exec-root "$stage/run" \
      --pidfile "$stage/pid" --cgroup-parent "${stage##*/}" &
    for ((i = 0; i < 300; i++)); do [[ ! -S $stage/sock ]] || break; sleep 0.1; done
    play() { "$dist/jdk/bin/java" "@$dist/lib/cli.args.new" -H "unix://$stage/sock" "$@"; }
    train cli -H "unix://$stage/sock" __rehearse
    { for name in a b c; do play run --name $name hello-world; play rm $name; done
      play ps -a; play images; play network ls; play inspect hello-world; } >/dev/null 2>&1
    kill "$(cat "$stage/pid")" && wait
  ' >/dev/null 2>&1 || status=1
  find /sys/fs/cgroup -maxdepth 2 -depth -name "${stage##*/}" -exec rmdir {} \; 2>/dev/null
  rmdir "$stage"
  [[ $status == 0 && -e $dist/lib/cli.aot && -e $dist/lib/daemon.aot ]]
}

# java_program MODULE ARGUMENT…: becomes that program
java_program() {
  local module=$1; shift
  exec "$dist/jdk/bin/java" "@$dist/lib/$module.args" "$@"
}
