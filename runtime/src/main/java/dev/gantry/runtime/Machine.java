package dev.gantry.runtime;

import dev.gantry.kernel.Capabilities;
import dev.gantry.kernel.CgroupLayout;

/// What a plan has to know of the machine that it will run on.
///
/// @param capabilities what this process may hand on: its bounding set
/// @param allCapabilities what the first process of a new user namespace holds
public record Machine(CgroupLayout cgroups, long capabilities, long allCapabilities) {
  /// This machine, with these control groups.
  public static Machine of(CgroupLayout cgroups) {
    return new Machine(cgroups, Capabilities.bounding(), Capabilities.all());
  }
}
