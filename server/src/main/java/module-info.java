import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.server {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;
  requires transitive dev.gantry.build;
  requires transitive dev.gantry.buildkit;
  requires transitive dev.gantry.http;
  requires transitive dev.gantry.json;
  requires transitive dev.gantry.kernel;
  requires transitive dev.gantry.oci;
  requires transitive dev.gantry.engine;
  requires transitive dev.gantry.network;
  requires transitive dev.gantry.runtime;
  requires transitive dev.gantry.images;
  requires java.net.http;

  exports dev.gantry.server;
  exports dev.gantry.server.tracing;
}
