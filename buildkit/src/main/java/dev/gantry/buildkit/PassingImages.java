package dev.gantry.buildkit;

import dev.gantry.images.Image;
import dev.gantry.images.Images;
import dev.gantry.oci.Digest;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/// Images that are here for a build alone: they go when it is over, unless they were here before or
/// have got a name meanwhile. Thread-safe.
public final class PassingImages implements AutoCloseable {
  private final Images images;
  private final Set<Digest> ids = ConcurrentHashMap.newKeySet();

  public PassingImages(Images images) {
    this.images = images;
  }

  /// Makes an image.
  @FunctionalInterface
  public interface Maker<E extends Exception> {
    Image make() throws E;
  }

  /// The image that `maker` makes, or finds.
  public <E extends Exception> Image add(Maker<E> maker) throws E {
    Set<Digest> before = ids(images);
    Image image = maker.make();
    add(image, before);
    return image;
  }

  /// The same for an image that was made already.
  ///
  /// @param before what was here when its making began
  void add(Image image, Set<Digest> before) {
    if (!before.contains(image.id())) {
      ids.add(image.id());
    }
  }

  static Set<Digest> ids(Images images) {
    return images.list().stream().map(Image::id).collect(Collectors.toSet());
  }

  /// They stay: somebody has asked for them.
  void keep() {
    ids.clear();
  }

  @Override
  public void close() {
    for (Digest id : ids) {
      images
          .byId(id)
          .filter(image -> image.names().isEmpty())
          .ifPresent(
              image -> {
                Images.Removed ignored = images.remove(image);
              });
    }
    ids.clear();
  }
}
