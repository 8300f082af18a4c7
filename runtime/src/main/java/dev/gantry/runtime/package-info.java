/// Runs OCI configurations: [PlanCompiler] turns one into a [LaunchPlan], gantry-shim executes it
/// and stays as the monitor, [RunningProcess] talks to that. Entry type: [Runtime].
package dev.gantry.runtime;
