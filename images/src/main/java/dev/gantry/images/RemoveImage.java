package dev.gantry.images;

import dev.gantry.base.Failure;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.store.ContentStore;
import dev.gantry.store.Journal.Change;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Takes names away, and with the last one the image.
final class RemoveImage {
  private final Images images;
  private final KeptContent kept;

  RemoveImage(Images images) {
    this.images = images;
    this.kept = new KeptContent(images);
  }

  /// Takes the name `reference` away and, with the last name, its images. The last tag of a
  /// repository takes the digests that the repository gave the image with it.
  Images.Removed untag(ImageReference reference) {
    Image image =
        images
            .named(reference)
            .orElseThrow(() -> new Failure.NotFound("No such image: " + reference.familiar()));
    Set<ImageReference> gone = new LinkedHashSet<>();
    String key = ImageNames.key(reference);
    image.names().stream().filter(n -> ImageNames.key(n).equals(key)).forEach(gone::add);
    boolean tag = reference.digestIfAny().isEmpty();
    boolean lastOfRepository =
        tag
            && image.tagReferences().stream()
                .noneMatch(t -> t.name().equals(reference.name()) && !gone.contains(t));
    if (lastOfRepository) {
      image.names().stream()
          .filter(n -> n.digestIfAny().isPresent() && n.name().equals(reference.name()))
          .forEach(gone::add);
    }
    List<Image> nameless =
        images.platforms(reference).stream().filter(i -> gone.containsAll(i.names())).toList();
    List<Change> changes = new ArrayList<>();
    gone.forEach(n -> changes.add(images.names().remove(n)));
    return remove(nameless, changes, gone.stream().map(ImageReference::familiar).toList());
  }

  /// Takes names away but keeps the image even without any.
  Images.Removed forget(Image image, ImageReference reference) {
    List<ImageReference> gone =
        image.names().stream().filter(n -> n.name().equals(reference.name())).toList();
    images.journal().commit(gone.stream().map(images.names()::remove).toArray(Change[]::new));
    return new Images.Removed(gone.stream().map(ImageReference::familiar).toList(), List.of());
  }

  /// Removes the image with all its names and the layers that no other image has. A name that
  /// stands for other platforms too goes on standing for those.
  Images.Removed remove(Image image) {
    List<Change> changes = new ArrayList<>();
    List<String> untagged = new ArrayList<>();
    for (ImageReference name : image.names()) {
      Optional<Change> others = images.names().without(name, image.id());
      changes.add(others.orElseGet(() -> images.names().remove(name)));
      if (others.isEmpty()) {
        untagged.add(name.familiar());
      }
    }
    return remove(List.of(image), changes, untagged);
  }

  private Images.Removed remove(List<Image> gone, List<Change> changes, List<String> untagged) {
    try (ContentStore.Sweep sweep = images.content().sweep()) {
      return remove(gone, changes, untagged, sweep);
    }
  }

  private Images.Removed remove(
      List<Image> gone, List<Change> changes, List<String> untagged, ContentStore.Sweep sweep) {
    Set<Digest> mine = kept.indexes();
    for (Image image : gone) {
      mine.addAll(kept.blobs(image.id()));
      changes.add(Change.remove(Images.IMAGES, image.id().toString()));
    }
    synchronized (images.names()) {
      images.journal().commit(changes.toArray(Change[]::new));
    }
    List<String> deleted = new ArrayList<>();
    Set<Digest> named = kept.chainsOfImages();
    Set<Digest> wantedChains = new HashSet<>(images.layersOfContainers());
    for (Image image : gone) {
      images.unload(image.id());
      deleted.add(image.id().toString());
      for (Digest chain : Images.chains(image.diffIds()).reversed()) {
        if (!named.contains(chain) && !deleted.contains(chain.toString())) {
          deleted.add(chain.toString());
          if (!wantedChains.contains(chain)) {
            boolean ignored = sweep.run(chain, () -> images.layers().remove(chain));
          }
        }
      }
    }
    mine.removeAll(kept.roots());
    long ignored = sweep.remove(mine);
    return new Images.Removed(untagged, deleted);
  }
}
