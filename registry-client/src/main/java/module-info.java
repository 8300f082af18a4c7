import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.registryclient {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;
  requires transitive dev.gantry.json;
  requires transitive dev.gantry.oci;
  requires dev.gantry.http;
  requires java.net.http;

  exports dev.gantry.registryclient;
}
