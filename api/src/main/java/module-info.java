import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.api {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;
  requires transitive dev.gantry.json;
}
