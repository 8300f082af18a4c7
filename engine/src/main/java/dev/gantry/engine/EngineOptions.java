package dev.gantry.engine;

import dev.gantry.network.NetworkOptions;
import java.nio.file.Path;

/// How an engine is set up.
///
/// @param dataRoot what must survive a reboot
/// @param execRoot what lives as long as the processes; on a tmpfs
/// @param shim the program gantry-shim
/// @param init the program that containers with `--init` start with
/// @param hello the program of the built-in image
/// @param cgroupParent the control group that containers' own go into, such as `/gantry`
public record EngineOptions(
    Path dataRoot,
    Path execRoot,
    Path shim,
    Path init,
    Path hello,
    String cgroupParent,
    NetworkOptions network) {}
