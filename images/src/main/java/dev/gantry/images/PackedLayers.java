package dev.gantry.images;

import dev.gantry.json.JsonWriter;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.Manifest;
import dev.gantry.oci.MediaTypes;
import dev.gantry.store.ContentStore;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The form in which an image made here travels: layers that were never packed (imports, commits)
/// are packed with gzip, once; the image keeps the packed form from then on.
final class PackedLayers {
  private static final int BUFFER = 128 * 1024;

  private final Images images;
  private final ContentStore.Lease lease;
  private final TransferProgress progress;

  PackedLayers(Images images, ContentStore.Lease lease, TransferProgress progress) {
    this.images = images;
    this.lease = lease;
    this.progress = progress;
  }

  /// The manifest that the image came with, or a new one, whose blobs are all here and held.
  byte[] manifest(Image image) throws IOException {
    lease.hold(image.id());
    image.layers().forEach(lease::hold);
    Optional<byte[]> known = images.manifest(image);
    if (known.isPresent()) {
      return known.get();
    }
    List<Descriptor> layers = new ArrayList<>();
    boolean zstd = false;
    for (int i = 0; i < image.layers().size(); i++) {
      Digest blob = image.layers().get(i);
      Compression form = form(blob);
      zstd |= form == Compression.ZSTD;
      Digest packed = form == Compression.NONE ? packed(blob, image.diffIds().get(i)) : blob;
      String type = form == Compression.ZSTD ? form.layerType() : MediaTypes.DOCKER_LAYER_GZIP;
      layers.add(new Descriptor(type, packed, images.content().size(packed)));
    }
    // Docker's own format, as its engine writes it; it knows no zstd
    Manifest manifest =
        new Manifest(
            zstd ? MediaTypes.MANIFEST : MediaTypes.DOCKER_MANIFEST,
            "",
            new Descriptor(
                zstd ? MediaTypes.CONFIG : MediaTypes.DOCKER_CONFIG,
                image.id(),
                images.content().size(image.id())),
            zstd ? layers.stream().map(PackedLayers::oci).toList() : layers,
            null,
            Map.of());
    images.replaceLayers(image, layers.stream().map(Descriptor::digest).toList());
    String text =
        zstd
            ? JsonWriter.plain(manifest.json())
            : JsonWriter.indented(manifest.json(), "   ", false); // as Docker writes its own
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /// The layers in another form: those that were never packed, or all.
  List<Descriptor> layers(Image image, Compression wanted, int level, boolean all)
      throws IOException {
    List<Descriptor> layers = new ArrayList<>();
    for (Digest blob : image.layers()) {
      layers.add(layer(blob, wanted, level, all));
    }
    return layers;
  }

  /// One of them.
  Descriptor layer(Digest blob, Compression wanted, int level, boolean all) throws IOException {
    lease.hold(blob);
    Compression form = form(blob);
    boolean asItIs = form == wanted || form != Compression.NONE && !all;
    Digest packed = asItIs ? blob : again(blob, form, wanted, level);
    String type = (asItIs ? form : wanted).layerType();
    return new Descriptor(type, packed, images.content().size(packed));
  }

  private Digest again(Digest blob, Compression form, Compression wanted, int level)
      throws IOException {
    try (ContentStore.Ingest ingest = images.content().ingest();
        InputStream stored = Files.newInputStream(images.content().path(blob));
        InputStream in = form.unpack(stored)) {
      try (OutputStream out = wanted.pack(ingest.out(), level)) {
        in.transferTo(out);
      }
      Digest packed = ingest.commit();
      lease.hold(packed);
      return packed;
    }
  }

  /// One layer in its packed form, which is here and held.
  Descriptor layer(Images.Layer layer) throws IOException {
    lease.hold(layer.blob());
    Compression form = form(layer.blob());
    Digest packed = form == Compression.NONE ? packed(layer.blob(), layer.diffId()) : layer.blob();
    String type = form == Compression.ZSTD ? form.layerType() : MediaTypes.LAYER_GZIP;
    return new Descriptor(type, packed, images.content().size(packed));
  }

  private static Descriptor oci(Descriptor d) {
    String type =
        d.mediaType().equals(MediaTypes.DOCKER_LAYER_GZIP) ? MediaTypes.LAYER_GZIP : d.mediaType();
    return new Descriptor(type, d.digest(), d.size());
  }

  private Compression form(Digest blob) throws IOException {
    try (BufferedInputStream in =
        new BufferedInputStream(Files.newInputStream(images.content().path(blob)))) {
      return Compression.of(in);
    }
  }

  private Digest packed(Digest plain, Digest diffId) throws IOException {
    Optional<Digest> before = images.packedForm(plain).filter(lease::hold);
    if (before.isPresent()) {
      return before.get();
    }
    long total = images.content().size(plain);
    try (ContentStore.Ingest ingest = images.content().ingest();
        InputStream in = Files.newInputStream(images.content().path(plain))) {
      try (OutputStream out = Compression.GZIP.pack(ingest.out(), 0)) {
        byte[] buffer = new byte[BUFFER];
        long done = 0;
        for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
          out.write(buffer, 0, n);
          done += n;
          progress.bar(diffId.shortHex(), "Compressing", done, total);
        }
      }
      Digest packed = ingest.commit();
      lease.hold(packed);
      images.setPackedForm(plain, packed);
      return packed;
    }
  }
}
