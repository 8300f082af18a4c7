package dev.gantry.build;

import java.util.List;

/// Hears how a build goes. Steps of several stages run at once: calls come from several threads.
public interface BuildProgress {
  /// One instruction of one stage, as it is carried out.
  interface Step {
    /// Its layer was there already, or it makes none and nothing was to do.
    void cached();

    /// A container runs for it.
    void running(String containerId);

    /// What its program printed.
    ///
    /// @param stream `stdout` or `stderr`
    void output(String stream, byte[] bytes);

    /// It is done.
    ///
    /// @param result short name of what came out
    void done(String result);

    /// It has failed; the build ends.
    void failed(String message);
  }

  /// A step that will be carried out.
  ///
  /// @param stage name or number of its stage
  /// @param number in its stage, from 1
  /// @param of how many the stage has
  /// @param text the instruction on one line
  record Planned(String stage, int number, int of, String text) {}

  /// All steps of the build, in the order of the Dockerfile.
  void plan(List<Planned> steps);

  /// A step begins.
  ///
  /// @param number as in the plan, from 0
  Step begin(int number);

  /// As above.
  ///
  /// @param text the instruction with its variables replaced
  default Step begin(int number, String text) {
    return begin(number);
  }

  /// A warning about the build as a whole.
  void warning(String text);
}
