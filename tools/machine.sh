# shellcheck shell=bash
# What the scripts need from the machine: found, or installed through its own package manager.
# Sourced by ./dev, ./gantry, ./gantryd, ./gantry-runtime and .ci/run. Sets JAVA_HOME.

say() { printf '%s\n' "gantry: $*" >&2; }
fail() { say "$*"; exit "${code:-1}"; }

# ---- packages ---------------------------------------------------------------------------------

# packages PURPOSE PACKAGE…: installs Debian's packages, or says what to install elsewhere
packages() {
  local purpose=$1; shift
  command -v apt-get >/dev/null || fail "$purpose is missing, and there is no apt-get here: please install the likes of: $*"
  [[ $EUID == 0 ]] || fail "$purpose is missing; install it as root: apt-get install $*"
  say "installing $purpose with apt-get: $*"
  [[ -n ${apt_updated:-} ]] || { apt-get -qq update >&2 && apt_updated=1; }
  DEBIAN_FRONTEND=noninteractive apt-get -qqy --no-install-recommends install "$@" >"${TMPDIR:-/tmp}/gantry-apt.$$" 2>&1 \
    || { tail -n 40 "${TMPDIR:-/tmp}/gantry-apt.$$" >&2; fail "apt-get could not install $*"; }
  rm -f "${TMPDIR:-/tmp}/gantry-apt.$$"
}

# need COMMAND PACKAGE…: the packages, unless the command is there
need() {
  local command=$1; shift
  command -v "$command" >/dev/null || packages "$command" "$@"
}

# the Debian mirror that this machine's own apt uses
mirror() {
  local found
  found=$(awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/*.sources 2>/dev/null || true)
  [[ -n $found ]] || found=$(awk '/^deb / {print ($2 ~ /^\[/) ? $3 : $2; exit}' /etc/apt/sources.list 2>/dev/null || true)
  [[ -n $found ]] || fail "found no package mirror in apt's sources"
  printf '%s\n' "$found"
}

# private_apt FOLDER SUITE: indexes of another suite in a folder of their own; the machine's stay as
# they are. Sets apt_options. Signatures are checked with Debian's keys.
private_apt() {
  local folder=$1 suite=$2
  mkdir -p "$folder"/{state/lists/partial,cache/archives/partial}
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror) $suite main" >"$folder/sources.list"
  apt_options=(-qq -o "Dir::State=$folder/state" -o "Dir::Cache=$folder/cache" -o "Dir::Etc::sourcelist=$folder/sources.list"
    -o Dir::Etc::sourceparts=- -o Dir::State::status=/dev/null -o APT::Sandbox::User=root)
  apt-get "${apt_options[@]}" update >&2
}

# ---- JDK --------------------------------------------------------------------------------------

java_version=25
# a service of systemd has no HOME
jdk_cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/gantry/jdk-$java_version

# is_jdk FOLDER: a whole JDK of our version? Read from its release file: asking java costs 40 ms
is_jdk() {
  local line
  [[ -x $1/bin/javac && -r $1/release ]] || return 1
  while read -r line; do
    [[ $line == "JAVA_VERSION=\"$java_version"[\".+-]* ]] && return 0
  done <"$1/release"
  return 1
}

find_jdk() {
  local folder
  for folder in "${JAVA_HOME:-}" /usr/lib/jvm/* /usr/java/* /opt/jdk* "${HOME:-}"/.sdkman/candidates/java/* "$jdk_cache/jdk"; do
    [[ -n $folder ]] && is_jdk "$folder" && { export JAVA_HOME=$folder; return 0; }
  done
  folder=$(command -v javac 2>/dev/null) || return 1
  folder=$(readlink -f "$folder"); folder=${folder%/bin/javac}
  is_jdk "$folder" && export JAVA_HOME=$folder
}

need_jdk() {
  find_jdk && return
  if ! command -v apt-get >/dev/null; then
    fail "needs a JDK $java_version; none found in JAVA_HOME or /usr/lib/jvm"
  elif [[ -n $(apt-cache -q madison openjdk-$java_version-jdk-headless 2>/dev/null) ]]; then
    packages "JDK $java_version" openjdk-$java_version-jdk-headless
  else
    [[ $EUID != 0 ]] || apt-get -qq update >&2 && apt_updated=1
    if [[ -n $(apt-cache -q madison openjdk-$java_version-jdk-headless 2>/dev/null) ]]; then
      packages "JDK $java_version" openjdk-$java_version-jdk-headless
    else
      fetch_jdk
    fi
  fi
  find_jdk || fail "the JDK $java_version that was installed does not look like one"
}

# An older Debian has no JDK 25: take the next suite's into a folder of our own, with the C library
# it was built for beside it. Nothing of the machine's own changes.
fetch_jdk() {
  local work=$jdk_cache.new suite file jdk libraries loader
  need patchelf patchelf
  mkdir -p "${jdk_cache%/*}"
  exec 8>"$jdk_cache.lock"; flock 8
  find_jdk && { exec 8>&-; return; }
  rm -rf "$work"; mkdir -p "$work"
  for suite in trixie forky sid; do
    private_apt "$work/apt" "$suite"
    [[ -n $(apt-cache "${apt_options[@]}" madison openjdk-$java_version-jdk-headless) ]] && break
  done
  say "this system's suite has no JDK $java_version: fetching Debian $suite's into $jdk_cache"
  (cd "$work" && apt-get "${apt_options[@]}" download openjdk-$java_version-{jdk,jre}-headless libc6 zlib1g libstdc++6 libgcc-s1 >&2 \
    && for file in *.deb; do dpkg -x "$file" "$work"; done) || fail "could not fetch a JDK $java_version"
  rm -rf "$work"/apt "$work"/*.deb
  mv "$work"/usr/lib/jvm/java-$java_version-openjdk-* "$work/jdk"
  jdk=$work/jdk libraries=$(dirname "$(find "$work" -name libc.so.6 | head -n 1)")
  # absolute links lead into the packages' own folders, save what the machine has (its certificates)
  find "$jdk" -type l -lname '/*' | while read -r file; do
    loader=$(readlink "$file")
    if [[ -e $work$loader ]]; then ln -sfn "$(realpath --relative-to="$(dirname "$file")" "$work$loader")" "$file"; fi
  done
  loader=$(find "$work" -name 'ld-linux-*.so.*' | head -n 1)
  loader=$jdk_cache${loader#"$work"} libraries=$jdk_cache${libraries#"$work"}
  local gcc_libraries; gcc_libraries=$(dirname "$(find "$work" -name 'libstdc++.so.6' | head -n 1)")
  libraries=$libraries:$jdk_cache${gcc_libraries#"$work"}
  find "$jdk" -type f \( -path '*/bin/*' -o -name 'lib*.so' -o -name jspawnhelper -o -name jexec \) | while read -r file; do
    patchelf --force-rpath --set-rpath "$libraries:$jdk_cache/jdk/lib:$jdk_cache/jdk/lib/server" "$file" 2>/dev/null || true
    patchelf --set-interpreter "$loader" "$file" 2>/dev/null || true
  done
  rm -rf "$jdk_cache"; mv "$work" "$jdk_cache"
  "$jdk_cache/jdk/bin/javac" -version >/dev/null 2>&1 || fail "the JDK fetched into $jdk_cache does not run on this machine"
  exec 8>&-
}

# ---- what a build needs -----------------------------------------------------------------------

need_build_tools() {
  need_jdk
  need cc gcc libc6-dev
  need mvn maven
}
