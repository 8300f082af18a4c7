package dev.gantry.images;

import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageIndex;
import dev.gantry.oci.Manifest;
import dev.gantry.oci.ManifestDocument;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// What an index lists beside images: attestations about them, as builders put them there (platform
/// `unknown/unknown`, with an annotation that names what they are about). They travel with the
/// index if they are here.
public final class Attachments {
  /// The annotation that says what an entry of an index is, and its value for attestations.
  public static final String TYPE = "vnd.docker.reference.type";

  public static final String ATTESTATION = "attestation-manifest";

  private static final String SUBJECT = "vnd.docker.reference.digest";

  private Attachments() {}

  /// One that is here.
  public record Attachment(Descriptor descriptor, byte[] bytes, Manifest manifest) {
    /// Its configuration and its statements.
    public List<Descriptor> blobs() {
      List<Descriptor> all = new ArrayList<>(manifest.layers());
      all.add(manifest.config());
      return all;
    }
  }

  /// The manifest that an entry of an index is about.
  static Optional<Digest> subject(Descriptor entry) {
    return Optional.ofNullable(entry.annotations().get(SUBJECT)).map(Digest::parse);
  }

  /// Those about `image`, in the indexes that its names came by and in the one it was made with.
  public static List<Attachment> about(Images images, Image image) {
    Map<Digest, Attachment> found = new LinkedHashMap<>();
    Stream.concat(
            image.names().stream().flatMap(name -> images.indexDocument(name).stream()),
            images.ownIndex(image).stream())
        .filter(bytes -> ManifestDocument.parse(bytes, "") instanceof ImageIndex)
        .flatMap(bytes -> ((ImageIndex) ManifestDocument.parse(bytes, "")).manifests().stream())
        .filter(entry -> subject(entry).filter(s -> images.hasManifest(image, s)).isPresent())
        .flatMap(entry -> of(images, entry).stream())
        .forEach(a -> found.put(a.descriptor().digest(), a));
    return List.copyOf(found.values());
  }

  static Optional<Attachment> of(Images images, Descriptor entry) {
    if (!ATTESTATION.equals(entry.annotations().get(TYPE))) {
      return Optional.empty();
    }
    return images
        .content()
        .read(entry.digest())
        .flatMap(
            bytes ->
                ManifestDocument.parse(bytes, "") instanceof Manifest m
                    ? Optional.of(new Attachment(entry, bytes, m))
                    : Optional.empty())
        .filter(a -> a.blobs().stream().allMatch(b -> images.content().contains(b.digest())));
  }

  /// All content of those that an index lists and that are here.
  static Set<Digest> content(Images images, byte[] index) {
    Set<Digest> all = new HashSet<>();
    if (ManifestDocument.parse(index, "") instanceof ImageIndex i) {
      for (Descriptor entry : i.manifests()) {
        of(images, entry)
            .ifPresent(
                a -> {
                  all.add(entry.digest());
                  a.blobs().forEach(b -> all.add(b.digest()));
                });
      }
    }
    return all;
  }
}
