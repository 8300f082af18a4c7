import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.dockerfile {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;
  requires dev.gantry.json;

  exports dev.gantry.dockerfile;
}
