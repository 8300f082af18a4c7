import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.testkit {
  requires dev.gantry.json;
  requires dev.gantry.kernel;
  requires org.junit.jupiter.api;
  requires static org.jspecify;

  exports dev.gantry.testkit;
}
