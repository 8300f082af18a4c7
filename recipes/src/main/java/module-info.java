import org.jspecify.annotations.NullMarked;

@NullMarked
module dev.gantry.recipes {
  requires static transitive org.jspecify;
  requires dev.gantry.base;
  requires dev.gantry.json;
  requires java.xml;

  exports dev.gantry.recipes;
}
