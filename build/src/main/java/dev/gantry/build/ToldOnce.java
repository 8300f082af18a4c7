package dev.gantry.build;

/// A step whose end is told once, though it may be met twice: ahead, and at its turn. Thread-safe.
final class ToldOnce implements BuildProgress.Step {
  private final BuildProgress.Step step;
  private boolean ended;

  ToldOnce(BuildProgress.Step step) {
    this.step = step;
  }

  @Override
  public synchronized void cached() {
    if (!ended) {
      step.cached();
    }
  }

  @Override
  public synchronized void running(String containerId) {
    step.running(containerId);
  }

  @Override
  public void output(String stream, byte[] bytes) {
    step.output(stream, bytes);
  }

  @Override
  public synchronized void done(String result) {
    if (!ended) {
      ended = true;
      step.done(result);
    }
  }

  @Override
  public synchronized void failed(String message) {
    if (!ended) {
      ended = true;
      step.failed(message);
    }
  }
}
