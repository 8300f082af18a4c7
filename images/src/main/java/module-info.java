import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.images {
  requires static transitive org.jspecify;
  requires transitive dev.gantry.base;
  requires transitive dev.gantry.json;
  requires transitive dev.gantry.kernel;
  requires transitive dev.gantry.oci;
  requires transitive dev.gantry.registryclient;
  requires transitive dev.gantry.store;
  requires org.apache.commons.compress;
  requires com.github.luben.zstd_jni;

  exports dev.gantry.images;
}
