import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.testkit {
  requires dev.gantry.json;
  requires dev.gantry.kernel;
  requires org.junit.jupiter.api;
  requires org.junit.platform.engine;
  requires org.junit.platform.launcher;
  requires org.snakeyaml.engine.v2;
  requires static org.jspecify;

  exports dev.gantry.testkit;

  provides org.junit.platform.launcher.TestExecutionListener with
      dev.gantry.testkit.SkippedClasses;
}
