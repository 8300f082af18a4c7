import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.runtime {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;
  requires transitive dev.gantry.json;
  requires transitive dev.gantry.kernel;
  requires transitive dev.gantry.oci;

  exports dev.gantry.runtime;
}
