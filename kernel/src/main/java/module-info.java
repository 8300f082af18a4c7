import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.kernel {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;
  requires jdk.unsupported;

  exports dev.gantry.kernel;
}
