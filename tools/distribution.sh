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
  (cd "$root" && mvn -q -B -Dstyle.color=never -DskipTests -T 1C -pl cli,daemon,runtime -am package </dev/null 2>&1 | sed 's/\x1b\[[0-9;]*m//g' >&2) || fail "the build failed"
  assemble
  mv "$dist/stamp.new" "$dist/stamp"
  say "built in $((SECONDS - started)) s"
}

# The C programs: static, no C library, so that a monitor costs a few kB.
build_native() {
  local program source
  mkdir -p "$native"
  for program in gantry-shim:shim gantry-hello:hello gantry-init:init; do
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
  local common="-XX:+UseSerialGC -XX:-UsePerfData --enable-native-access=ALL-UNNAMED -Dgantry.home=$dist"
  local quick="-XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=20 -Xmx256m"
  local small="-XX:+UseCompactObjectHeaders -Xms16m -Xmx384m -Xss512k -XX:ReservedCodeCacheSize=64m -XX:+ExitOnOutOfMemoryError"
  # the training touches what a usual call does; that no engine answers there is no matter
  program cli dev.gantry.cli.Gantry "$common $quick" -H unix:///nowhere run --rm -i -e A=1 -v /a:/b --name x image true
  program daemon dev.gantry.daemon.Gantryd "$common $small" --version
  program runtime dev.gantry.runtime.RuntimeMain "$common $quick" --version
}

# program MODULE MAIN OPTIONS TRAINING…: lib/MODULE.args and lib/MODULE.aot
program() {
  local module=$1 main=$2 options=$3 classpath; shift 3
  classpath=$(jars "$module")
  rm -f "$dist/lib/$module.aot"
  # shellcheck disable=SC2086  # several words
  "$dist/jdk/bin/java" $options -cp "$classpath" -XX:AOTCacheOutput="$dist/lib/$module.aot" \
    "$main" "$@" >"$dist/lib/$module.training" 2>&1 || true
  [[ -e $dist/lib/$module.aot ]] || say "note: $module starts without an AOT cache (see $dist/lib/$module.training)"
  {
    printf '%s\n' "$options" "-cp $classpath"
    [[ ! -e $dist/lib/$module.aot ]] || echo "-XX:AOTCache=$dist/lib/$module.aot"
    echo "$main"
  } >"$dist/lib/$module.args.new"
  mv "$dist/lib/$module.args.new" "$dist/lib/$module.args"
}

# java_program MODULE ARGUMENT…: becomes that program
java_program() {
  local module=$1; shift
  exec "$dist/jdk/bin/java" "@$dist/lib/$module.args" "$@"
}
