package dev.gantry.runtime;

import dev.gantry.kernel.NetlinkSetup;
import dev.gantry.oci.RuntimeSpec;
import java.nio.file.Path;

/// Everything that one container's start needs.
///
/// @param id names the container in messages
/// @param spec the OCI configuration; its `root.path` is not used, `rootfs` is
/// @param stateDirectory a folder on a tmpfs for the monitor's socket and exit file
/// @param network connects a new network namespace; [NetlinkSetup#NONE] otherwise
/// @param openStdin give the process a pipe as standard input instead of /dev/null (no terminal)
public record Launch(
    String id,
    RuntimeSpec spec,
    Rootfs rootfs,
    Path stateDirectory,
    NetlinkSetup network,
    boolean openStdin) {}
