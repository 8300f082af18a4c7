package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.RegistryServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// What goes out beside an image: several platforms, attestations, annotations, and the layers that
/// another builder can take up; through a registry of ours.
class BuildOutputsIT extends BuildTest {
  private static RegistryServer registry;

  @BeforeAll
  static void start() {
    registry = RegistryServer.gantry();
  }

  @AfterAll
  static void stop() {
    registry.close();
  }

  /// With the progress in lines, in which the steps that were cached are counted.
  @Override
  Command command(Engine engine, String... words) {
    return engine.gantryCommand(withContext(List.of("build", "--progress", "plain"), words));
  }

  private static Json.JsonObject document(String repository, String reference, String kind)
      throws IOException {
    String path = "/v2/" + repository + "/" + kind + "/" + reference;
    try (HttpClient client = HttpClient.newHttpClient()) {
      HttpRequest request =
          HttpRequest.newBuilder(URI.create("http://" + registry.address() + path))
              .header("Accept", "application/vnd.oci.image.index.v1+json")
              .header("Accept", "application/vnd.oci.image.manifest.v1+json")
              .build();
      return Json.parseObject(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  /// The statements about the images of an index, by their kind.
  private static Json.JsonObject statement(String repository, Json.JsonObject index, String kind)
      throws IOException {
    for (Json.JsonObject entry : index.objects("manifests")) {
      if (!entry.stringMap("annotations").containsKey("vnd.docker.reference.type")) {
        continue;
      }
      Json.JsonObject manifest = document(repository, entry.string("digest", ""), "manifests");
      for (Json.JsonObject layer : manifest.objects("layers")) {
        if (layer
            .stringMap("annotations")
            .getOrDefault("in-toto.io/predicate-type", "")
            .equals(kind)) {
          return document(repository, layer.string("digest", ""), "blobs");
        }
      }
    }
    throw new AssertionError("no statement " + kind + " in " + index.text());
  }

  private static byte[] jar() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      zip.putNextEntry(new ZipEntry("META-INF/maven/org.example/greeter/pom.properties"));
      zip.write(
          "groupId=org.example\nartifactId=greeter\nversion=1.2.3\n"
              .getBytes(StandardCharsets.UTF_8));
      zip.closeEntry();
    }
    return bytes.toByteArray();
  }

  @Test
  void attestationsTravelWithTheImage(Engine engine) throws IOException {
    String name = registry.address() + "/attested:1";
    file(
        "Dockerfile",
        """
        FROM busybox
        ARG SECRETIVE
        COPY status /var/lib/dpkg/status
        COPY node_modules /app/node_modules
        COPY greeter.jar /app/
        """);
    file(
        "status",
        """
        Package: example
        Status: install ok installed
        Maintainer: Somebody <nobody@example.org>
        Architecture: amd64
        Version: 2:1.0-3

        Package: gone
        Status: deinstall ok config-files
        Version: 1
        """);
    file(
        "node_modules/@scope/thing/package.json",
        "{\"name\":\"@scope/thing\",\"version\":\"4.5.6\"}");
    Files.write(context.resolve("greeter.jar"), jar());
    Path metadata = folder.resolve("json");
    build(
            engine,
            "-t",
            name,
            "--push",
            "--sbom=true",
            "--provenance=mode=min",
            "--build-arg=SECRETIVE=tell-nobody",
            "--annotation=org.example.a=one",
            "--annotation=index:org.example.b=two",
            "--metadata-file=" + metadata)
        .succeeded();
    Json.JsonObject index = document("attested", "1", "manifests");
    String digest =
        Json.parseObject(Files.readString(metadata)).string("containerimage.digest", "");
    assertEquals(index.text(), document("attested", digest, "manifests").text());
    assertEquals("two", index.stringMap("annotations").get("org.example.b"));
    Json.JsonObject image = index.objects("manifests").getFirst();
    assertEquals(
        "one",
        document("attested", image.string("digest", ""), "manifests")
            .stringMap("annotations")
            .get("org.example.a"));

    Json.JsonObject provenance = statement("attested", index, "https://slsa.dev/provenance/v0.2");
    assertEquals(
        image.string("digest", ""),
        "sha256:" + provenance.objects("subject").getFirst().stringMap("digest").get("sha256"));
    assertTrue(
        provenance.text().contains("pkg:docker/busybox@latest?platform="), provenance.text());
    assertFalse(provenance.text().contains("tell-nobody"), provenance.text());

    String sbom = statement("attested", index, "https://spdx.dev/Document").text();
    assertTrue(sbom.contains("pkg:deb/debian/example@2:1.0-3?arch=amd64"), sbom);
    assertFalse(sbom.contains("/gone@"), sbom);
    assertTrue(sbom.contains("pkg:npm/%40scope/thing@4.5.6"), sbom);
    assertTrue(sbom.contains("pkg:maven/org.example/greeter@1.2.3"), sbom);
    Path archive = folder.resolve("oci");
    build(engine, "--sbom=true", "-o", "type=oci,dest=" + archive).succeeded();
    String members =
        dev.gantry.testkit.Command.of("tar", "-tf", archive.toString()).run().succeeded().out();
    assertTrue(members.lines().filter(l -> l.startsWith("blobs/sha256/")).count() >= 6, members);
    engine.docker("rmi", name).succeeded();
    engine.docker("pull", name).succeeded();
  }

  @Test
  void severalPlatformsMakeAnIndex(Engine engine) throws IOException {
    String name = registry.address() + "/several:1";
    file(
        "Dockerfile",
        """
        FROM --platform=$BUILDPLATFORM busybox AS make
        ARG TARGETARCH
        RUN echo "made for $TARGETARCH" > /made
        FROM scratch
        COPY --from=make /made /
        """);
    build(engine, "--platform", "linux/amd64,linux/arm64", "-t", name, "--push").succeeded();
    Json.JsonObject index = document("several", "1", "manifests");
    assertEquals(
        List.of("amd64", "arm64"),
        index.objects("manifests").stream()
            .map(m -> m.object("platform").orElseThrow().string("architecture", ""))
            .toList());
    Path out = folder.resolve("out");
    build(engine, "--platform=linux/amd64,linux/arm64", "-o", out.toString()).succeeded();
    assertEquals("made for arm64\n", Files.readString(out.resolve("linux_arm64/made")));
    assertEquals("made for amd64\n", Files.readString(out.resolve("linux_amd64/made")));
  }

  /// What a builder without any cache makes of `words`: the lines that say so.
  private long taken(Engine engine, String... words) {
    engine.docker("builder", "prune", "-af").succeeded();
    return build(engine, words).succeeded().out().lines().filter(l -> l.endsWith("CACHED")).count();
  }

  private static String layers(Engine engine, String image) {
    return engine.docker("inspect", "-f", "{{json .RootFS.Layers}}", image).succeeded().line();
  }

  @Test
  void anotherBuilderTakesUpTheLayers(Engine engine) throws IOException {
    file("f", "data\n");
    file(
        "Dockerfile",
        """
        FROM busybox AS one
        COPY f /f
        RUN cat /f > /g; head -c 8 /dev/urandom > /random
        FROM busybox
        COPY --from=one /g /random /
        RUN wc -c /g > /h
        """);
    String cache = registry.address() + "/cache";
    String image = registry.address() + "/inline:1";
    Path layout = folder.resolve("cache");
    String first =
        build(
                engine,
                "-t",
                image,
                "--push",
                "--cache-to=inline",
                "--cache-to=type=registry,mode=max,ref=" + cache,
                "--cache-to=type=local,mode=max,dest=" + layout)
            .succeeded()
            .line();
    assertTrue(Files.exists(layout.resolve("index.json")), first);
    engine.docker("rmi", image).succeeded();
    assertEquals(0, taken(engine), "without a cache");
    assertEquals(4, taken(engine, "--cache-from=type=registry,ref=" + cache));
    assertEquals(4, taken(engine, "--cache-from=type=local,src=" + layout));
    // inline: the layers of the last stage alone, which stand on the content of the first
    build(
            engine,
            "--cache-from=type=registry,ref=" + cache,
            "-t",
            image,
            "--push",
            "--cache-to=inline")
        .succeeded();
    engine.docker("rmi", image).succeeded();
    assertTrue(taken(engine, "--cache-from=" + image, "--target=one") <= 2);
    Outcome missing =
        build(engine, "--no-cache-filter=x", "--cache-from=" + registry.address() + "/none");
    assertEquals(0, missing.code(), missing.err());
    file("f", "other\n");
    assertEquals(0, taken(engine, "--cache-from=type=registry,ref=" + cache));
  }

  /// An image that carries its cache is all that an engine needs that has built nothing yet: what
  /// chance has made in the first build is in the second as well.
  @Test
  void anImageIsTheCacheOfAnotherEngine(Engine engine) throws IOException {
    file("f", "data\n");
    String base = folder.resolve("base.tar").toString();
    engine.docker("save", "-o", base, "busybox").succeeded();
    String chance = "RUN head -c 8 /dev/urandom | od -t x1 > /chance";
    for (String dockerfile :
        List.of(
            "FROM busybox\nCOPY f /f\n" + chance + "\nRUN cat /f /chance > /both\n",
            "FROM busybox AS first\nRUN echo first > /first\nFROM busybox\nCOPY f /f\n"
                + chance
                + "\nCOPY --from=first /first /\n")) {
      file("Dockerfile", dockerfile);
      String name = registry.address() + "/carries:" + (dockerfile.contains("first") ? 2 : 1);
      String wish = // two ways to say it
          dockerfile.contains("first")
              ? "--build-arg=BUILDKIT_INLINE_CACHE=1"
              : "--cache-to=inline";
      build(engine, "-t", name, wish, "--push").succeeded();
      try (Engine other = Engine.start()) {
        other.docker("load", "-q", "-i", base).succeeded();
        Outcome built = build(other, "-t", "again", "--cache-from=" + name).succeeded();
        assertEquals(layers(engine, name), layers(other, "again"), built.out());
        assertEquals(3, built.out().lines().filter(l -> l.endsWith("CACHED")).count(), built.out());
        other.docker("builder", "prune", "-af").succeeded();
        build(other, "-t", "anew").succeeded();
        assertNotEquals(layers(engine, name), layers(other, "anew"));
      }
    }
  }

  @Test
  void squashedLayersAreOne(Engine engine) throws IOException {
    file(
        "Dockerfile",
        """
        FROM busybox
        RUN mkdir /d && echo a > /d/a && echo b > /d/b && rm /bin/wget
        RUN rm /d/a && echo c > /d/c
        ENV X=1
        """);
    build(engine, "-t", "squashed", "--squash").succeeded();
    String layers = "{{len .RootFS.Layers}}";
    int below = Integer.parseInt(engine.docker("inspect", "-f", layers, "busybox").line());
    assertEquals(
        Integer.toString(below + 1), engine.docker("inspect", "-f", layers, "squashed").line());
    assertEquals(
        "b c 1 gone\n",
        engine
            .docker(
                "run",
                "--rm",
                "squashed",
                "sh",
                "-c",
                "echo $(ls /d) $X $(ls /bin/wget 2>/dev/null || echo gone)")
            .succeeded()
            .out());
  }
}
