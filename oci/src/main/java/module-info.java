import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.oci {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;
  requires transitive dev.gantry.json;

  exports dev.gantry.oci;

  opens dev.gantry.oci to
      dev.gantry.json;
}
