import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.client {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;
  requires transitive dev.gantry.json;
  requires dev.gantry.http;

  exports dev.gantry.client;
}
