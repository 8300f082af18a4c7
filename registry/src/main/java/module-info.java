import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.registry {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;
  requires transitive dev.gantry.http;
  requires transitive dev.gantry.json;
  requires java.net.http;

  exports dev.gantry.registry;
}
