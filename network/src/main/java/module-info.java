import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.network {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;
  requires transitive dev.gantry.json;
  requires transitive dev.gantry.kernel;

  exports dev.gantry.network;

  opens dev.gantry.network to
      dev.gantry.json;
}
