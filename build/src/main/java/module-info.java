import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.build {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;
  requires transitive dev.gantry.dockerfile;
  requires transitive dev.gantry.engine;
  requires transitive dev.gantry.images;
  requires transitive dev.gantry.json;
  requires transitive dev.gantry.kernel;
  requires transitive dev.gantry.oci;
  requires transitive dev.gantry.store;
  requires java.net.http;

  exports dev.gantry.build;
}
