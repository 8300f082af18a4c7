import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.cli {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;
  requires transitive dev.gantry.json;
  requires transitive dev.gantry.kernel;
  requires transitive dev.gantry.client;
  requires dev.gantry.dockerfile;
  requires dev.gantry.grpc;
  requires dev.gantry.recipes;
}
