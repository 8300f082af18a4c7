import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.daemon {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;
  requires dev.gantry.build;
  requires transitive dev.gantry.json;
  requires transitive dev.gantry.kernel;
  requires transitive dev.gantry.engine;
  requires transitive dev.gantry.network;
  requires transitive dev.gantry.store;
  requires transitive dev.gantry.server;

  provides System.LoggerFinder with
      dev.gantry.daemon.Log;
}
