package dev.gantry.engine;

import dev.gantry.network.NetworkOptions;
import java.nio.file.Path;
import java.util.List;

/// How an engine is set up.
///
/// @param dataRoot what must survive a reboot
/// @param execRoot what lives as long as the processes; on a tmpfs
/// @param shim the program gantry-shim
/// @param init the program that containers with `--init` start with
/// @param hello the program of the built-in image
/// @param cdiFolders where vendors describe devices, the most important last
/// @param cgroupParent the control group that containers' own go into, such as `/gantry`
public record EngineOptions(
    Path dataRoot,
    Path execRoot,
    Path shim,
    Path init,
    Path hello,
    List<Path> cdiFolders,
    String cgroupParent,
    NetworkOptions network) {}
