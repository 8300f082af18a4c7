package dev.gantry.images;

import dev.gantry.json.JsonWriter;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageIndex;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.ManifestDocument;
import dev.gantry.oci.Platform;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/// The index that a name came by, as far as its images are here: what goes out when the name is
/// pushed or saved with all its platforms.
///
/// @param images those that are here, in the order of the index
/// @param attachments attestations that it lists and that are here
/// @param mediaType of the index
/// @param bytes the index itself if it names nothing else, else one of what is there
public record LocalIndex(
    List<Image> images,
    List<Attachments.Attachment> attachments,
    String mediaType,
    byte[] bytes,
    boolean isWhole) {
  /// One entry of an index, and its image if that is here.
  public record Entry(Descriptor descriptor, Optional<Image> image) {}

  /// What the index lists that `reference` came by; empty if it came by none.
  public static List<Entry> entries(Images images, ImageReference reference) {
    List<Image> here = images.platforms(reference.toString());
    return images.index(reference).map(ImageIndex::manifests).orElse(List.of()).stream()
        .map(
            d ->
                new Entry(
                    d, here.stream().filter(i -> images.hasManifest(i, d.digest())).findFirst()))
        .toList();
  }

  /// For an archive: of what is here. Empty if the name came by no index, or if only one of its
  /// platforms is here and others are not: that one goes out as it is then.
  static Optional<LocalIndex> of(Images images, ImageReference reference) {
    return of(images, reference, d -> false).filter(LocalIndex::isWorthIt);
  }

  /// As above, of the index that an image without a name was made with.
  static Optional<LocalIndex> of(Images images, Image image) {
    return images
        .ownIndex(image)
        .flatMap(document -> of(images, document, images.list(), d -> false))
        .filter(LocalIndex::isWorthIt);
  }

  /// As above, of some platforms only and what is about them; of all where none is named.
  static Optional<LocalIndex> of(
      Images images, ImageReference reference, List<Platform> platforms) {
    if (platforms.isEmpty()) {
      return of(images, reference);
    }
    List<Image> wanted =
        images.platforms(reference.toString()).stream()
            .filter(i -> platforms.stream().anyMatch(p -> p.match(i.platform()) > 0))
            .toList();
    return images
        .indexDocument(reference)
        .flatMap(d -> of(images, d, wanted, x -> false, e -> isAbout(images, e, wanted)))
        .filter(LocalIndex::isWorthIt);
  }

  private static boolean isAbout(Images images, Descriptor attachment, List<Image> wanted) {
    return Attachments.subject(attachment)
        .map(subject -> wanted.stream().anyMatch(i -> images.hasManifest(i, subject)))
        .orElse(false);
  }

  private boolean isWorthIt() {
    return isWhole || images.size() > 1;
  }

  /// The index, of what is here and what `elsewhere` says is already there. Empty if the name came
  /// by no index, or none of its images is here.
  static Optional<LocalIndex> of(
      Images images, ImageReference reference, Predicate<Descriptor> elsewhere) {
    return images
        .indexDocument(reference)
        .flatMap(d -> of(images, d, images.platforms(reference.toString()), elsewhere));
  }

  /// As above, of an index.
  static Optional<LocalIndex> of(Images images, byte[] document) {
    return of(images, document, images.list(), d -> false);
  }

  private static Optional<LocalIndex> of(
      Images images, byte[] document, List<Image> candidates, Predicate<Descriptor> elsewhere) {
    return of(images, document, candidates, elsewhere, d -> true);
  }

  private static Optional<LocalIndex> of(
      Images images,
      byte[] document,
      List<Image> candidates,
      Predicate<Descriptor> elsewhere,
      Predicate<Descriptor> attached) {
    if (!(ManifestDocument.parse(document, "") instanceof ImageIndex index)) {
      return Optional.empty();
    }
    List<Image> here = new ArrayList<>();
    List<Attachments.Attachment> attachments = new ArrayList<>();
    List<Descriptor> entries = new ArrayList<>();
    for (Descriptor entry : index.manifests()) {
      Optional<Attachments.Attachment> attachment =
          Attachments.of(images, entry).filter(a -> attached.test(a.descriptor()));
      Optional<Image> image =
          candidates.stream().filter(i -> images.hasManifest(i, entry.digest())).findFirst();
      image.ifPresent(here::add);
      attachment.ifPresent(attachments::add);
      if (image.isPresent() || attachment.isPresent() || elsewhere.test(entry)) {
        entries.add(entry);
      }
    }
    if (here.isEmpty()) {
      return Optional.empty();
    }
    boolean whole = entries.size() == index.manifests().size();
    byte[] bytes =
        whole
            ? document
            : JsonWriter.plain(index.with(entries).json()).getBytes(StandardCharsets.UTF_8);
    return Optional.of(new LocalIndex(here, attachments, index.mediaType(), bytes, whole));
  }

  Digest digest() {
    return Digest.of(bytes);
  }
}
