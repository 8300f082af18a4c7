import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.store {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;
  requires transitive dev.gantry.json;
  requires transitive dev.gantry.kernel;
  requires transitive dev.gantry.oci;

  exports dev.gantry.store;
}
