import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.buildkit {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;
  requires transitive dev.gantry.build;
  requires transitive dev.gantry.dockerfile;
  requires transitive dev.gantry.engine;
  requires transitive dev.gantry.grpc;
  requires transitive dev.gantry.images;
  requires transitive dev.gantry.json;
  requires transitive dev.gantry.kernel;
  requires transitive dev.gantry.oci;
  requires transitive dev.gantry.registryclient;
  requires transitive dev.gantry.store;

  exports dev.gantry.buildkit;
}
