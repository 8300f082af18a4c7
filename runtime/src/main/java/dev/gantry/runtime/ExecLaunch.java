package dev.gantry.runtime;

import dev.gantry.kernel.PidFd;
import dev.gantry.oci.RuntimeSpec;
import java.nio.file.Path;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A further process in a running container.
///
/// @param container a process whose namespaces are joined: the container's first
/// @param process what to run
/// @param seccomp the container's filter, or null for none
/// @param cgroup the container's group, such as `/gantry/ID`
/// @param namespaces the types of namespaces that are not the host's, as the OCI specification
///   names them; only `cgroup`, `user` and `time` matter, the others are always entered
/// @param stateDirectory an empty folder in which the monitor can be found again
///   ([Runtime#reattach]) and leaves the exit if nobody is connected; null for a process that
///   nobody will look for
/// @param openStdin give the process a pipe as standard input instead of /dev/null (no terminal)
public record ExecLaunch(
    PidFd container,
    RuntimeSpec.Process process,
    RuntimeSpec.@Nullable Seccomp seccomp,
    String cgroup,
    Set<String> namespaces,
    boolean openStdin,
    @Nullable Path stateDirectory) {
  public ExecLaunch(
      PidFd container,
      RuntimeSpec.Process process,
      RuntimeSpec.@Nullable Seccomp seccomp,
      String cgroup,
      Set<String> namespaces,
      boolean openStdin) {
    this(container, process, seccomp, cgroup, namespaces, openStdin, null);
  }

  boolean has(String type) {
    return namespaces.contains(type);
  }
}
