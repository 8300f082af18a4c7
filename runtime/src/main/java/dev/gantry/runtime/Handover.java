package dev.gantry.runtime;

/// How a process is handed to an engine that drives us by the OCI command line: it inherits the
/// caller's streams, and unless the monitor stays, it becomes a child of the caller's subreaper.
///
/// @param gate wait before the program is executed until somebody writes a byte to [#GATE]; what
///   then fails is written to [#RESULT] as step index and errno, 32 bits each
/// @param stays keep the monitor, which reports the exit to a caller that waits for it
/// @param passedDescriptors how many descriptors from 3 up the program gets from the caller
record Handover(boolean gate, boolean stays, int passedDescriptors) {
  /// Fifos in the state folder.
  static final String GATE = "gate";

  static final String RESULT = "result";

  Handover {
    if (passedDescriptors < 0 || passedDescriptors > 64) {
      throw new dev.gantry.base.Failure.InvalidRequest(
          "between 0 and 64 descriptors can be passed on, not " + passedDescriptors);
    }
  }
}
