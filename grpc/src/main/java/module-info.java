import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.grpc {
  requires static transitive org.jspecify;

  exports dev.gantry.grpc;
}
