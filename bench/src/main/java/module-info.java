import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.bench {
  requires dev.gantry.json;
  requires dev.gantry.kernel;
  requires dev.gantry.oci;
  requires dev.gantry.runtime;
  requires dev.gantry.testkit;
  requires org.opentest4j;
  requires static org.jspecify;
}
