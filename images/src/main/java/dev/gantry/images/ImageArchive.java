package dev.gantry.images;

import dev.gantry.base.Failure;
import dev.gantry.base.TaskScope;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageIndex;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Manifest;
import dev.gantry.oci.ManifestDocument;
import dev.gantry.oci.MediaTypes;
import dev.gantry.oci.Platform;
import dev.gantry.store.ContentStore;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Reads images from one tar: Docker's layout (`manifest.json`) or the OCI layout (`index.json`),
/// packed or not. [ImageExport] writes them.
public final class ImageArchive {
  private static final long MAX_DOCUMENT = 4 << 20; // as JSON in memory it may take 30 times that
  private static final int MAX_FILES = 100_000;

  /// An image that came in, and the names it came under.
  public record Loaded(Image image, List<String> names) {}

  /// Hears of each layer that is being unpacked: its diff id and packed size in bytes.
  @FunctionalInterface
  public interface Progress {
    void layer(Digest diffId, long size);
  }

  private final Images images;

  public ImageArchive(Images images) {
    this.images = images;
  }

  /// Loads every image of the archive.
  public List<Loaded> load(InputStream archive) {
    return load(archive, List.of(), (diffId, size) -> {});
  }

  /// Loads every image of the archive. What it holds beside images is not kept, and nothing is kept
  /// if one of its images is broken.
  ///
  /// @param platforms which images of an index to take; empty for all that the archive has
  public List<Loaded> load(InputStream archive, List<Platform> platforms, Progress progress) {
    Set<Digest> stored = new HashSet<>();
    try (ContentStore.Lease lease = images.content().lease()) {
      Map<String, Digest> files = store(archive, lease, stored);
      List<Candidate> candidates =
          files.containsKey("manifest.json") && !hasSeveralPlatforms(files)
              ? docker(files)
              : files.containsKey("index.json") ? oci(files, platforms) : unknown();
      List<List<Images.Layer>> layers = new ArrayList<>();
      for (Candidate c : candidates) {
        layers.add(unpack(c, progress, lease));
      }
      List<Loaded> loaded = new ArrayList<>();
      for (int i = 0; i < candidates.size(); i++) {
        Loaded one = add(candidates.get(i), layers.get(i));
        // the platforms of one index have their names together
        boolean told =
            candidates.get(i).index() != null
                && !one.names().isEmpty()
                && loaded.stream().anyMatch(l -> l.names().equals(one.names()));
        if (!told) {
          loaded.add(one);
        }
      }
      return loaded;
    } catch (TarReader.Malformed | JsonException e) {
      throw new Failure.InvalidRequest(
          "the archive is not an image archive: " + e.getMessage(), null, e);
    } catch (IOException e) {
      throw new Failure.InvalidRequest("could not load the archive: " + e.getMessage(), null, e);
    } finally {
      try (ContentStore.Sweep sweep = images.content().sweep()) {
        stored.removeAll(images.roots());
        long ignored = sweep.remove(stored);
      }
    }
  }

  private static List<Candidate> unknown() {
    throw new Failure.InvalidRequest(
        "the archive is not an image archive: it has neither manifest.json nor index.json");
  }

  /// Stores the archive's files; old archives link equal layers: `../OTHER/layer.tar`.
  private Map<String, Digest> store(
      InputStream archive, ContentStore.Lease lease, Set<Digest> stored) throws IOException {
    Map<String, Digest> files = new HashMap<>();
    Map<String, String> links = new HashMap<>();
    BufferedInputStream raw = new BufferedInputStream(archive, 128 * 1024);
    try (InputStream plain = Compression.of(raw).unpack(raw)) {
      TarReader tar = new TarReader(plain);
      for (TarEntry e = tar.next(); e != null; e = tar.next()) {
        String name = e.name().startsWith("./") ? e.name().substring(2) : e.name();
        if (files.size() + links.size() >= MAX_FILES) {
          throw new Failure.TooLarge("the archive has more than " + MAX_FILES + " files");
        }
        if (e.kind() == TarEntry.Kind.SYMLINK) {
          links.put(name, e.link().replaceFirst("^\\.\\./", ""));
        } else if (e.kind() == TarEntry.Kind.HARD_LINK) {
          links.put(name, e.link());
        } else if (e.isFile() && !e.isSparse()) {
          Digest digest = images.store(tar.data(), lease);
          stored.add(digest);
          files.put(name, digest);
        }
      }
      plain.transferTo(OutputStream.nullOutputStream()); // a checksum comes last
    }
    links.forEach(
        (from, to) -> {
          Digest target = files.get(to);
          if (target != null) {
            files.put(from, target);
          }
        });
    return files;
  }

  /// An image of the archive whose layers are stored but not unpacked.
  private record Candidate(
      byte[] config,
      List<Digest> layers,
      List<Digest> diffIds,
      List<String> names,
      @Nullable Digest manifest,
      @Nullable Digest index) {}

  private byte[] read(Digest digest) {
    if (images.content().size(digest) > MAX_DOCUMENT) {
      throw new Failure.TooLarge("a document of the archive is over 4 MiB");
    }
    return images
        .content()
        .read(digest)
        .orElseThrow(() -> new Failure.InvalidRequest("the archive lacks " + digest));
  }

  private static Digest file(Map<String, Digest> files, String name) {
    Digest digest = files.get(name);
    if (digest == null) {
      throw new Failure.InvalidRequest("the archive lacks the file " + name);
    }
    return digest;
  }

  private static List<Digest> diffIds(byte[] config, int layers) {
    Json.JsonObject document = Json.parseObject(new String(config, StandardCharsets.UTF_8));
    List<String> diffIds =
        document.object("rootfs").map(r -> r.strings("diff_ids")).orElse(List.of());
    if (diffIds.size() != layers) {
      throw new Failure.InvalidRequest(
          "the image's configuration names "
              + diffIds.size()
              + " layers, the archive has "
              + layers);
    }
    return diffIds.stream().map(Digest::parse).toList();
  }

  // ---- Docker's layout

  private List<Candidate> docker(Map<String, Digest> files) {
    List<Candidate> candidates = new ArrayList<>();
    Map<Digest, Digest> manifests = manifestsByConfig(files);
    Json list = Json.parse(new String(read(file(files, "manifest.json")), StandardCharsets.UTF_8));
    for (Json.JsonObject entry : Json.object().put("items", list).objects("items")) {
      List<Digest> layers = new ArrayList<>();
      for (String layer : entry.strings("Layers")) {
        layers.add(file(files, layer));
      }
      Digest id = file(files, entry.string("Config", ""));
      byte[] config = read(id);
      candidates.add(
          new Candidate(
              config,
              layers,
              diffIds(config, layers.size()),
              entry.strings("RepoTags"),
              manifests.get(id),
              null));
    }
    return candidates;
  }

  /// An archive in both layouts brings the manifests that the images had in a registry.
  private Map<Digest, Digest> manifestsByConfig(Map<String, Digest> files) {
    Map<Digest, Digest> manifests = new HashMap<>();
    if (files.containsKey("index.json")
        && ManifestDocument.parse(read(file(files, "index.json")), "")
            instanceof ImageIndex index) {
      for (Descriptor d : index.manifests()) {
        Digest blob = files.get(path(d.digest()));
        if (blob != null
            && blob.equals(d.digest())
            && ManifestDocument.parse(read(blob), "") instanceof Manifest m) {
          manifests.put(m.config().digest(), blob);
        }
      }
    }
    return manifests;
  }

  // ---- OCI layout

  private boolean hasSeveralPlatforms(Map<String, Digest> files) {
    return files.containsKey("index.json")
        && ManifestDocument.parse(read(file(files, "index.json")), "") instanceof ImageIndex index
        && index.manifests().stream()
            .filter(d -> d.digest().equals(files.get(path(d.digest()))))
            .anyMatch(d -> MediaTypes.isIndex(d.mediaType()));
  }

  private List<Candidate> oci(Map<String, Digest> files, List<Platform> platforms) {
    List<Candidate> candidates = new ArrayList<>();
    if (!(ManifestDocument.parse(read(file(files, "index.json")), "")
        instanceof ImageIndex index)) {
      return unknown();
    }
    for (Descriptor descriptor : index.manifests()) {
      Digest digest = blob(files, descriptor);
      List<String> names = name(descriptor).stream().toList();
      if (ManifestDocument.parse(read(digest), descriptor.mediaType())
          instanceof ImageIndex inner) {
        for (Descriptor chosen : chosen(inner, platforms, files)) {
          candidates.add(candidate(files, blob(files, chosen), names, digest));
        }
      } else {
        candidates.add(candidate(files, digest, names, null));
      }
    }
    return candidates;
  }

  /// The entries of an index that are wanted and here: an archive may hold some platforms only.
  private List<Descriptor> chosen(
      ImageIndex index, List<Platform> platforms, Map<String, Digest> files) {
    List<Descriptor> chosen =
        platforms.isEmpty()
            ? index.manifests().stream()
                .filter(d -> isWhole(d, files))
                .filter(d -> d.platformIfAny().map(p -> !p.os().equals("unknown")).orElse(true))
                .toList()
            : platforms.stream().flatMap(p -> selected(index, p).stream()).distinct().toList();
    if (chosen.isEmpty()) {
      throw new Failure.InvalidRequest("the archive has no image for any platform");
    }
    return chosen;
  }

  private static Optional<Descriptor> selected(ImageIndex index, Platform platform) {
    Optional<Descriptor> selected = index.select(platform);
    if (selected.isEmpty()) {
      throw new Failure.InvalidRequest("the archive has no image for " + platform);
    }
    return selected;
  }

  private boolean isWhole(Descriptor image, Map<String, Digest> files) {
    Digest blob = files.get(path(image.digest()));
    return blob != null
        && ManifestDocument.parse(read(blob), "") instanceof Manifest manifest
        && files.containsKey(path(manifest.config().digest()))
        && manifest.layers().stream().allMatch(l -> files.containsKey(path(l.digest())));
  }

  private Candidate candidate(
      Map<String, Digest> files, Digest digest, List<String> names, @Nullable Digest index) {
    if (!(ManifestDocument.parse(read(digest), "") instanceof Manifest manifest)) {
      throw new Failure.InvalidRequest("the archive's " + digest + " is no manifest of an image");
    }
    List<Digest> layers = new ArrayList<>();
    for (Descriptor layer : manifest.layers()) {
      layers.add(blob(files, layer));
    }
    byte[] config = read(blob(files, manifest.config()));
    return new Candidate(config, layers, diffIds(config, layers.size()), names, digest, index);
  }

  private static Optional<String> name(Descriptor descriptor) {
    String full = descriptor.annotations().getOrDefault("io.containerd.image.name", "");
    String name =
        full.isEmpty()
            ? descriptor.annotations().getOrDefault("org.opencontainers.image.ref.name", "")
            : full;
    return name.contains(":") ? Optional.of(name) : Optional.empty(); // a bare tag names nothing
  }

  private static String path(Digest digest) {
    return "blobs/" + digest.algorithm() + "/" + digest.hex();
  }

  private static Digest blob(Map<String, Digest> files, Descriptor descriptor) {
    Digest digest = descriptor.digest();
    if (!file(files, path(digest)).equals(digest)) {
      throw new Failure.Corrupted("the archive's blob " + digest + " holds other content");
    }
    return digest;
  }

  // ---- both

  /// Unpacks the layers side by side and puts them on each other.
  private List<Images.Layer> unpack(Candidate c, Progress progress, ContentStore.Lease lease) {
    Layers layers = images.layers();
    List<Digest> chains = Images.chains(c.diffIds());
    List<Layers.Pending> made = new ArrayList<>();
    Images.hold(chains, lease);
    try (TaskScope scope = TaskScope.open("load", Layers.SIDE_BY_SIDE)) {
      List<Optional<TaskScope.Task<Layers.Pending>>> tasks = new ArrayList<>();
      for (int i = 0; i < chains.size(); i++) {
        int n = i;
        tasks.add(
            layers.has(chains.get(i))
                ? Optional.empty()
                : Optional.of(
                    scope.fork(
                        () -> {
                          Digest blob = c.layers().get(n);
                          progress.layer(c.diffIds().get(n), images.content().size(blob));
                          Layers.Pending pending =
                              layers.unpackFile(images.content().path(blob), c.diffIds().get(n));
                          synchronized (made) {
                            made.add(pending);
                          }
                          return pending;
                        })));
      }
      scope.join();
      List<Images.Layer> result = new ArrayList<>();
      for (int i = 0; i < chains.size(); i++) {
        List<Digest> below = c.diffIds().subList(0, i);
        tasks.get(i).ifPresent(task -> layers.commit(task.result(), below));
        result.add(
            new Images.Layer(
                c.diffIds().get(i), c.layers().get(i), layers.size(chains.get(i)).orElse(0L)));
      }
      return result;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("interrupted while loading");
    } finally {
      made.forEach(layers::abandon);
    }
  }

  private Loaded add(Candidate c, List<Images.Layer> layers) {
    List<ImageReference> names =
        c.names().stream().map(n -> ImageReference.parse(n).withDefaultTag()).toList();
    Image image =
        images.add(c.config(), layers, c.manifest(), names, Optional.ofNullable(c.index()));
    return new Loaded(image, names.stream().map(ImageReference::familiar).toList());
  }
}
