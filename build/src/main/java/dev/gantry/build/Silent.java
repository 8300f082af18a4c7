package dev.gantry.build;

import java.util.List;

/// For steps that nobody is told of: triggers of base images.
final class Silent implements BuildProgress, BuildProgress.Step {
  static final Silent PROGRESS = new Silent();

  private Silent() {}

  @Override
  public void plan(List<Planned> steps) {}

  @Override
  public Step begin(int number) {
    return this;
  }

  @Override
  public void warning(String text) {}

  @Override
  public void cached() {}

  @Override
  public void running(String containerId) {}

  @Override
  public void output(String stream, byte[] bytes) {}

  @Override
  public void done(String result) {}

  @Override
  public void failed(String message) {}
}
