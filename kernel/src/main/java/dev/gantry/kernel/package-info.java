/// The kernel, typed: the only module with native access. One class per area; a failed call is an
/// [Errno]. Entry types: [Fd], [Poller], [Spawn], [FdPassing], [PidFd].
package dev.gantry.kernel;
