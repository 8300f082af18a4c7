import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.engine {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;
  requires transitive dev.gantry.json;
  requires transitive dev.gantry.kernel;
  requires transitive dev.gantry.oci;
  requires transitive dev.gantry.store;
  requires transitive dev.gantry.images;
  requires transitive dev.gantry.runtime;
  requires transitive dev.gantry.network;

  exports dev.gantry.engine;
  exports dev.gantry.engine.devices;
  exports dev.gantry.engine.logs;
  exports dev.gantry.engine.shipping;

  opens dev.gantry.engine to
      dev.gantry.json;
}
