package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.build.Builder;
import dev.gantry.build.Built;
import dev.gantry.build.CacheManifest;
import dev.gantry.build.CacheSource;
import dev.gantry.build.Form;
import dev.gantry.images.Images;
import dev.gantry.images.LooseContent;
import dev.gantry.images.TarWriter;
import dev.gantry.images.Transfers;
import dev.gantry.json.Json;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.ImageIndex;
import dev.gantry.oci.ImageReference;
import dev.gantry.registryclient.Credentials;
import dev.gantry.registryclient.Remote;
import dev.gantry.store.ContentStore;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Caches that builds of `gantry build` take from and leave elsewhere: in registries, and in
/// folders of the client. The latter come with the context; what is made for the client is kept
/// until it has fetched it, a few at a time.
final class BuildCaches {
  private static final int MOST_HELD = 8;

  /// A cache that a client has not fetched yet.
  private record Held(CacheManifest.Export export, String tag, ContentStore.Lease lease) {}

  private final Images images;
  private final Transfers transfers;
  private final Map<String, Held> held = new LinkedHashMap<>();

  BuildCaches(Images images, Transfers transfers) {
    this.images = images;
    this.transfers = transfers;
  }

  // ---- taking from

  /// The caches that a request names.
  ///
  /// @param wanted `{"Type": "registry", "Ref": …}`, or `{"Type": "local", "Folder": …, "Which":
  ///   …}` with a folder of the context, which is moved out of it
  /// @param names what the classic parameter names: images that are here, or in a registry
  List<CacheSource> sources(
      List<Json.JsonObject> wanted, List<String> names, Path context, String logins)
      throws IOException {
    List<CacheSource> all = new ArrayList<>();
    for (Json.JsonObject one : wanted) {
      switch (one.string("Type", "")) {
        case "registry" -> all.add(registry(one.string("Ref", ""), logins));
        case "local" -> all.add(folder(one, context));
        default ->
            throw new Failure.InvalidRequest("unknown cache importer: " + one.string("Type", ""));
      }
    }
    for (String name : names) {
      all.add(
          images
              .find(name)
              .map(image -> CacheSource.image(images, image))
              .orElseGet(() -> registry(name, logins)));
    }
    return all;
  }

  /// The names of the variables that an image sets; empty if it is not here.
  Optional<Set<String>> variables(String image) {
    return Builder.variables(images, image);
  }

  private CacheSource registry(String name, String logins) {
    ImageReference reference = ImageReference.parse(name).withDefaultTag();
    Remote remote =
        transfers.registries().toRead(reference, Credentials.of(logins, reference.domain()));
    return CacheSource.registry(remote, name, tag(reference));
  }

  private static String tag(ImageReference reference) {
    return reference
        .digestIfAny()
        .map(Object::toString)
        .orElseGet(() -> reference.tagIfAny().orElse("latest"));
  }

  private static CacheSource folder(Json.JsonObject wanted, Path context) throws IOException {
    String name = wanted.string("Folder", "");
    if (!name.matches("\\.gantry-cache-[0-9]{1,3}")) {
      throw new Failure.InvalidRequest("invalid folder of a cache: " + name);
    }
    Path sent = context.resolve(name);
    Path own = beside(context).resolve(name);
    Files.createDirectories(beside(context));
    if (Files.isDirectory(sent, LinkOption.NOFOLLOW_LINKS)) {
      Files.move(sent, own);
    } else {
      Files.createDirectory(own); // an empty cache
    }
    return CacheSource.folder(own, wanted.string("Which", ""));
  }

  /// Where the caches that came with a context are while it is built.
  static Path beside(Path context) {
    return context.resolveSibling(context.getFileName() + ".caches");
  }

  // ---- leaving elsewhere

  /// Leaves the caches that a request wants, but those that are inline.
  ///
  /// @param wanted `{"Type": "registry", "Ref": …, "Mode": …, "ImageManifest": …}` or `"local"`
  /// @return what the client is told of each: `{"Digest": …}`, for a folder with an `Id` to fetch
  Json.JsonArray export(List<Json.JsonObject> wanted, List<Built> built, String logins)
      throws IOException {
    Json.JsonArray told = Json.array();
    for (Json.JsonObject one : wanted) {
      ContentStore.Lease lease = images.content().lease();
      boolean keep = false;
      try {
        CacheManifest.Export export =
            CacheManifest.of(
                built,
                new CacheManifest.Wish(
                    one.string("Mode", "min").equals("max"),
                    one.bool("ImageManifest", true),
                    false,
                    Form.STANDARD),
                lease);
        Json.JsonObject line = Json.object().put("Digest", export.descriptor().digest().toString());
        if (one.string("Type", "").equals("local")) {
          line.put("Id", hold(new Held(export, one.string("Tag", "latest"), lease)));
          keep = true;
        } else {
          push(export, one.string("Ref", ""), logins);
        }
        told.add(line);
      } catch (Failure e) {
        if (!one.bool("IgnoreError", false)) {
          throw e;
        }
        told.add(Json.object().put("Error", e.text()));
      } finally {
        if (!keep) {
          lease.close();
        }
      }
    }
    return told;
  }

  private void push(CacheManifest.Export export, String name, String logins) {
    ImageReference reference = ImageReference.parse(name).withDefaultTag();
    Remote remote =
        transfers.registries().toWrite(reference, Credentials.of(logins, reference.domain()));
    LooseContent.push(
        remote,
        tag(reference),
        export.blobs(),
        export.mediaType(),
        export.manifest(),
        images.content());
  }

  private synchronized String hold(Held one) {
    String id = Ids.next();
    held.put(id, one);
    Iterator<Held> oldest = held.values().iterator();
    while (held.size() > MOST_HELD) {
      oldest.next().lease().close();
      oldest.remove();
    }
    return id;
  }

  /// Writes a cache as an archive in the OCI layout, once.
  ///
  /// @throws Failure.NotFound if nobody has made it, or it was fetched
  void fetch(String id, HttpResponse r) throws IOException {
    Held one;
    synchronized (this) {
      one = held.remove(id);
    }
    if (one == null) {
      throw new Failure.NotFound("no such build cache: " + id);
    }
    try (ContentStore.Lease lease = one.lease();
        OutputStream out = r.stream(200, "application/x-tar");
        TarWriter tar = new TarWriter(out)) {
      for (String folder : List.of("blobs/", "blobs/sha256/")) {
        Tree.Status status = new Tree.Status(0040755, 0, 0, 0, 0, 0, 0, 0, 1, 0);
        tar.entry(folder, TarWriter.FOLDER, "", status, 0, Map.of());
      }
      for (Descriptor blob : one.export().blobs()) {
        if (lease.hold(blob.digest())) {
          try (InputStream in = Files.newInputStream(images.content().path(blob.digest()))) {
            entry(tar, path(blob), in, blob.size());
          }
        }
      }
      Descriptor top = one.export().descriptor();
      entry(tar, path(top), one.export().manifest());
      Descriptor named =
          top.withAnnotations(Map.of("org.opencontainers.image.ref.name", one.tag()));
      entry(tar, "index.json", text(new ImageIndex(List.of(named)).json()));
      entry(tar, "oci-layout", text(Json.object().put("imageLayoutVersion", "1.0.0")));
    }
  }

  private static String path(Descriptor d) {
    return "blobs/" + d.digest().algorithm() + "/" + d.digest().hex();
  }

  private static byte[] text(Json json) {
    return json.text().getBytes(StandardCharsets.UTF_8);
  }

  private static void entry(TarWriter tar, String name, byte[] bytes) throws IOException {
    entry(tar, name, new ByteArrayInputStream(bytes), bytes.length);
  }

  private static void entry(TarWriter tar, String name, InputStream in, long size)
      throws IOException {
    Tree.Status status = new Tree.Status(0100644, 0, 0, size, 0, 0, 0, 0, 1, 0);
    tar.entry(name, TarWriter.FILE, "", status, size, Map.of());
    tar.content(in, size);
  }
}
