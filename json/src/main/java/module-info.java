import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.json {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;

  exports dev.gantry.json;
}
