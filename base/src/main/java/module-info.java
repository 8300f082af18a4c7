import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.base {
  requires static transitive org.jspecify;

  exports dev.gantry.base;
}
