package dev.gantry.images;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.store.ContentStore;
import dev.gantry.store.Journal.Change;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// What of the content and the unpacked layers is needed, and the end of what is not.
final class KeptContent {
  private final Images images;

  KeptContent(Images images) {
    this.images = images;
  }

  /// What the image with this id needs itself: its configuration, manifest and packed layers.
  Set<Digest> blobs(Digest id) {
    Set<Digest> blobs = new HashSet<>();
    blobs.add(id);
    images
        .journal()
        .get(Images.IMAGES, id.toString())
        .ifPresent(
            r -> {
              r.strings("Layers").forEach(l -> blobs.add(Digest.parse(l)));
              r.string("Manifest").ifPresent(m -> blobs.add(Digest.parse(m)));
            });
    return blobs;
  }

  /// All content that images need.
  Set<Digest> roots() {
    Set<Digest> roots = new HashSet<>();
    images
        .journal()
        .table(Images.IMAGES)
        .keySet()
        .forEach(id -> roots.addAll(blobs(Digest.parse(id))));
    images.cache().entries().values().forEach(e -> roots.add(e.blob()));
    roots.addAll(indexes());
    return roots;
  }

  /// The indexes that names and images stand for, or that names may be rolled back to, with the
  /// attestations that they list.
  Set<Digest> indexes() {
    Set<Digest> indexes = images.names().indexes();
    indexes.addAll(
        images
            .history()
            .indexes(id -> images.journal().get(Images.IMAGES, id.toString()).isPresent()));
    images
        .journal()
        .table(Images.IMAGES)
        .values()
        .forEach(r -> r.string("Index").map(Digest::parse).ifPresent(indexes::add));
    Set<Digest> all = new HashSet<>(indexes);
    for (Digest index : indexes) {
      images
          .content()
          .read(index)
          .ifPresent(document -> all.addAll(Attachments.content(images, document)));
    }
    return all;
  }

  /// The chain ids of the layers that images and containers have.
  Set<Digest> usedChains() {
    Set<Digest> chains = chainsOfImageLayers();
    chains.addAll(images.layersOfContainers());
    return chains;
  }

  /// The chain ids of the layers that images have, and those that builds may use again.
  Set<Digest> chainsOfImages() {
    Set<Digest> chains = chainsOfImageLayers();
    images.cache().entries().values().forEach(e -> chains.add(e.chain()));
    return chains;
  }

  private Set<Digest> chainsOfImageLayers() {
    Set<Digest> chains = new HashSet<>();
    for (Json.JsonObject record : images.journal().table(Images.IMAGES).values()) {
      chains.addAll(Images.chains(record.strings("DiffIds").stream().map(Digest::parse).toList()));
    }
    return chains;
  }

  /// Removes the layers that no image names and the folders of containers that are not in
  /// `containerIds`: what a crash has left. A layer that a crash of the machine has damaged is
  /// unpacked again.
  void sweep(Set<String> containerIds) {
    Set<Digest> chains = chainsOfImages();
    chains.addAll(images.layersOfContainers());
    images.snapshots().keepOnly(chains, containerIds);
    images.layers().forgetOthers(chains);
    try (ContentStore.Sweep sweep = images.content().sweep()) {
      long ignored = sweep.remove(unneeded());
    }
    for (Map.Entry<String, Json.JsonObject> packed :
        images.journal().table(Images.PACKED).entrySet()) {
      if (!images.content().contains(Digest.parse(packed.getValue().string("Blob", "")))) {
        images.journal().note(Change.remove(Images.PACKED, packed.getKey()));
      }
    }
    images.uploads().tidy();
    images.list().forEach(this::repair);
  }

  /// Reads all content of all images and checks it. What is damaged is taken away, so that the next
  /// pull or load of an image brings it again.
  List<Images.Damage> verify() {
    Map<Digest, List<String>> users = new LinkedHashMap<>();
    for (String id : images.journal().table(Images.IMAGES).keySet()) {
      Digest image = Digest.parse(id);
      List<String> called =
          images.names().of(image).stream().map(ImageReference::familiar).toList();
      for (Digest blob : blobs(image)) {
        users
            .computeIfAbsent(blob, b -> new ArrayList<>())
            .addAll(called.isEmpty() ? List.of(id) : called);
      }
    }
    List<Images.Damage> damages = new ArrayList<>();
    users.forEach(
        (digest, called) -> {
          boolean missing = !images.content().contains(digest);
          if (missing || !images.content().isIntact(digest)) {
            damages.add(new Images.Damage(digest, missing, called));
            images.content().discardDamaged(digest);
          }
        });
    return damages;
  }

  /// Removes layers and content that nothing needs any more, interrupted downloads among it; the
  /// bytes of content that were freed.
  long collect() {
    try (ContentStore.Sweep sweep = images.content().sweep()) {
      Set<Digest> chains = chainsOfImages();
      chains.addAll(images.layersOfContainers());
      images.layers().removeOthers(chains, sweep);
      return sweep.remove(unneeded()) + images.content().removePartials(Duration.ZERO);
    }
  }

  private Set<Digest> unneeded() {
    Set<Digest> all = new HashSet<>(images.content().list());
    all.removeAll(roots());
    return all;
  }

  /// Unpacks again what of the image's layers is not here, from its content.
  private void repair(Image image) {
    List<Digest> chains = Images.chains(image.diffIds());
    if (chains.stream().allMatch(images.layers()::has)) {
      return;
    }
    try (ContentStore.Lease lease = images.content().lease()) {
      for (int i = 0; i < chains.size(); i++) {
        List<Digest> below = image.diffIds().subList(0, i);
        Images.Layer ignored =
            images.unpack(image.layers().get(i), image.diffIds().get(i), below, lease);
      }
      images.layers().settle(chains);
    } catch (IOException | Failure e) {
      System.getLogger("gantryd")
          .log(
              System.Logger.Level.WARNING,
              "image " + image.id() + " is damaged: pull or load it again",
              e);
    }
  }
}
