package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.RegistryServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;

/// `gantry build` with the flags of `docker build` and `docker buildx build`, each where its effect
/// can be seen; those of caches are in [BuildOutputsIT]. That each is there the unit test of the
/// table of commands shows.
class GantryBuildFlagsIT extends BuildTest {
  @Test
  void stepsGetTheirHostsLimitsAndNetwork(Engine engine) throws IOException {
    file(
        "Dockerfile",
        """
        FROM busybox
        RUN grep one /etc/hosts; echo "files $(ulimit -n)"; grep ' /dev/shm ' /proc/mounts
        RUN echo "in $(cat /proc/self/cgroup)"; echo "links $(ls /sys/class/net | tr '\\n' ' ')"
        RUN cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max; \
            cat /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/cpu.weight; \
            grep Cpus_allowed_list /proc/self/status; true
        """);
    Outcome all =
        build(
                engine,
                "--add-host=one:192.0.2.7",
                "--shm-size=10m",
                "--ulimit=nofile=100:200",
                "--cgroup-parent=" + engine.name() + "/steps",
                "--network=none",
                "--memory=64m",
                "--memory-swap=128m",
                "--cpu-shares=512",
                "--cpuset-cpus=0",
                "--cpuset-mems=0",
                "--progress=plain")
            .succeeded();
    for (String part :
        List.of(
            "192.0.2.7\tone",
            "files 100",
            "size=10240k",
            engine.name() + "/steps/",
            "links lo ",
            "67108864",
            "Cpus_allowed_list:\t0")) {
      has(all, part);
    }
    BuildxFlagsIT.withoutGroups(engine);
    build(engine, "--cpu-period=100000", "--cpu-quota=50000", "--no-cache").succeeded();
    file("Dockerfile", "FROM busybox\nRUN --security=insecure mkdir /m && mount -t tmpfs t /m");
    has(build(engine).exited(1), "security.insecure is not allowed");
    build(engine, "--allow=security.insecure").succeeded();
  }

  @Test
  void argumentsLabelsTargetsAndNamesAreChosen(Engine engine) throws IOException {
    file(
        "sub/File",
        "FROM busybox AS one\nARG A=1\nRUN head -c 8 /dev/urandom | od -An -tx1 > /r\nFROM one AS two\n");
    file("sub/File.dockerignore", "*\n");
    String file = context.resolve("sub/File").toString();
    String[] names = {"-t", "chosen:1", "--tag", "chosen:2"};
    build(
            engine,
            names[0],
            names[1],
            names[2],
            names[3],
            "-f",
            file,
            "--target=one",
            "--label=a=b",
            "--build-arg=A=x")
        .succeeded();
    String id = engine.docker("inspect", "-f", "{{.Id}}", "chosen:1").line();
    assertEquals(id, engine.docker("inspect", "-f", "{{.Id}}", "chosen:2").line());
    assertEquals("map[a:b]", engine.docker("inspect", "-f", "{{.Config.Labels}}", id).line());
    String[] same = {"-q", "-f", file, "--target=one", "--label=a=b", "--build-arg=A=x"};
    assertEquals(id, build(engine, same).succeeded().line());
    List<String> again = new ArrayList<>(List.of(same));
    again.add("--no-cache");
    assertFalse(id.equals(build(engine, again.toArray(String[]::new)).succeeded().line()));
    has(build(engine, "-f", file, "--build-arg=A=x", "--progress=plain").succeeded(), "CACHED");
    assertFalse(
        build(engine, "-f", file, "--build-arg=A=x", "--progress=plain", "--no-cache-filter=one")
            .succeeded()
            .out()
            .contains("CACHED"));
    Outcome given =
        command(engine, "-f", "-", "--build-arg", "OWN", "--platform=linux/amd64")
            .with("OWN", "of-the-environment")
            .input("FROM busybox\nARG OWN\nRUN echo it is $OWN\n")
            .run()
            .succeeded();
    has(given, "it is of-the-environment");
    build(engine, "-f", file, "--rm", "--force-rm", "--compress", "--builder=x").succeeded();
    has(build(engine, "--isolation=process"), "there is only default on Linux");
  }

  @Test
  void secretsComeFromFilesAndVariablesHoweverLarge(Engine engine) throws IOException {
    file(
        "Dockerfile",
        """
        FROM busybox
        RUN --mount=type=secret,id=file,required wc -c < /run/secrets/file
        RUN --mount=type=secret,id=V,env=V,required test "$V" = of-the-variable
        RUN --mount=type=secret,id=other,required test $(cat /run/secrets/other) = of-another
        RUN --mount=type=secret,id=none test ! -e /run/secrets/none
        """);
    Path secret = Files.write(folder.resolve("secret"), new byte[200_000]);
    String[] flags = {"--secret=id=file,src=" + secret, "--secret=id=V", "--secret=id=other,env=O"};
    Outcome built =
        command(engine, flags).with("V", "of-the-variable").with("O", "of-another").run();
    has(built.succeeded(), "200000");
    has(build(engine, "--no-cache", flags[0]).exited(1).err(), "secret V: not found");
    Path large = Files.write(folder.resolve("large"), new byte[600_000]);
    has(build(engine, "--secret=id=file,src=" + large).exited(1), "larger than 500 KiB");
    has(build(engine, "--secret=id=file,src=/nowhere").exited(1), "failed to stat /nowhere");
  }

  @Test
  void agentsOfTheClientsMachineSign(Engine engine) throws Exception {
    Path key = folder.resolve("key");
    Path socket = folder.resolve("agent");
    Needs.program("ssh-agent");
    Command.of("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key.toString())
        .run()
        .succeeded();
    BuildxFlagsIT.withLibraries(context, "ssh-add");
    file(
        "Dockerfile",
        "FROM busybox\nCOPY root /\nRUN --mount=type=ssh,required ssh-add -L\n"
            + "RUN --mount=type=ssh,id=other,required ssh-add -L\n");
    String shown = Files.readString(Path.of(key + ".pub")).split(" ")[1];
    Process agent = Command.of("ssh-agent", "-D", "-a", socket.toString()).start();
    try {
      Eventually.within(Duration.ofSeconds(30), () -> "no agent", () -> Files.exists(socket));
      Command.of("ssh-add", key.toString())
          .with("SSH_AUTH_SOCK", socket.toString())
          .run()
          .succeeded();
      Outcome both =
          command(engine, "--ssh=default", "--ssh=other=" + key)
              .with("SSH_AUTH_SOCK", socket.toString())
              .run()
              .succeeded();
      assertEquals(
          3, both.out().split(java.util.regex.Pattern.quote(shown), -1).length, both.out());
      has(
          build(engine, "--no-cache", "--ssh=default=" + socket).exited(1),
          "no SSH key \"other\" forwarded from the client");
    } finally {
      agent.destroy();
      agent.waitFor();
    }
    has(build(engine, "--ssh=default=/nowhere").exited(1), "failed to stat /nowhere");
  }

  @Test
  void resultsGoToSeveralPlacesAndLeaveNothing(Engine engine) throws IOException {
    file("f", "one\n");
    file("Dockerfile", "FROM scratch\nARG TARGETARCH\nCOPY f /f-$TARGETARCH\n");
    final String before = dangling(engine);
    Path out = folder.resolve("out");
    Path archive = folder.resolve("oci.tar");
    Path tar = folder.resolve("files.tar");
    Path metadata = folder.resolve("metadata.json");
    Path id = folder.resolve("id");
    build(
            engine,
            "--platform=linux/amd64,linux/arm64",
            "--provenance=mode=max",
            "--sbom=true",
            "--annotation=index:a=b",
            "-t",
            "several:1",
            "-o",
            out.toString(),
            "-o",
            "type=tar,dest=" + tar,
            "-o",
            "type=oci,dest=" + archive,
            "--metadata-file=" + metadata,
            "--iidfile=" + id)
        .succeeded();
    assertEquals("one\n", Files.readString(out.resolve("linux_arm64/f-arm64")));
    has(Files.readString(out.resolve("linux_amd64/provenance.json")), "slsa.dev/provenance");
    has(Command.of("tar", "tf", tar.toString()).run(), "linux_arm64/sbom.spdx.json");
    Json.JsonObject top = inArchive(archive, "index.json").objects("manifests").getFirst();
    assertEquals(
        "docker.io/library/several:1",
        top.stringMap("annotations").get("io.containerd.image.name"));
    Json.JsonObject index =
        inArchive(archive, "blobs/" + top.string("digest", "").replace(':', '/'));
    assertEquals("b", index.stringMap("annotations").get("a"));
    assertEquals(4, index.objects("manifests").size());
    Json.JsonObject said = Json.parseObject(Files.readString(metadata));
    assertEquals(top.string("digest", ""), said.string("containerimage.digest", ""));
    assertTrue(Files.readString(id).startsWith("sha256:"));
    assertEquals("", engine.docker("images", "-aq", "several").out());
    Path layout = folder.resolve("layout");
    build(engine, "-o", "type=oci,tar=false,dest=" + layout).succeeded();
    assertTrue(Files.exists(layout.resolve("oci-layout")));
    assertFalse(Files.exists(layout.resolve("manifest.json")), "Docker's layout, not OCI's");
    Path above = Files.createDirectory(folder.resolve("above"));
    Files.writeString(above.resolve("Dockerfile"), "FROM base\nCOPY --from=base /f* /copies/\n");
    String from = "--build-context=base=oci-layout://" + layout;
    Path copied = folder.resolve("copied");
    engine.gantry("build", from, "-o", copied.toString(), above.toString()).succeeded();
    assertEquals("one\n", Files.readString(copied.resolve("copies/f-amd64")));
    has(engine.gantry("build", from + ":none", above.toString()).exited(1), "no image called none");
    has(
        engine.gantry("build", from + "@sha256:" + "0".repeat(64), above.toString()).exited(1),
        "the layout has no sha256:00");
    has(
        engine.gantry("build", "--build-context=base=oci-layout://" + out, "" + above).exited(1),
        "is no OCI layout");
    assertEquals(before, dangling(engine));
    build(engine, "--load", "-t", "loaded:1", "--quiet").succeeded();
    assertFalse(engine.docker("images", "-q", "loaded:1").out().isBlank());
    try (RegistryServer registry = RegistryServer.gantry()) {
      String name = registry.address() + "/team/pushed";
      build(engine, "--push", "-t", name + ":1").succeeded();
      build(engine, "-o", "type=registry,name=" + name + ":2").succeeded();
      String pushed = "type=image,push=true,push-by-digest=true,name=" + name;
      build(engine, "--metadata-file=" + metadata, "-o", pushed).succeeded();
      String digest =
          Json.parseObject(Files.readString(metadata)).string("containerimage.digest", "");
      engine.docker("rmi", name + ":1", name + ":2").succeeded();
      for (String which : List.of(":1", ":2", "@" + digest)) {
        engine.docker("pull", name + which).succeeded();
      }
    }
  }

  private static String dangling(Engine engine) {
    return engine.docker("images", "-aq", "--filter=dangling=true").succeeded().out();
  }

  private static Json.JsonObject inArchive(Path archive, String name) {
    return Json.parseObject(
        Command.of("tar", "xOf", archive.toString(), name).run().succeeded().out());
  }

  @Test
  void contextsHaveNamesAndQuestionsAreAnswered(Engine engine) throws IOException {
    Path other = Files.createDirectory(folder.resolve("other"));
    Files.writeString(other.resolve("g"), "of the other\n");
    Files.writeString(other.resolve("hidden"), "x\n");
    Files.writeString(other.resolve(".dockerignore"), "hidden\n");
    file(
        "Dockerfile",
        """
        # what it is for
        ARG A=1
        FROM base AS first
        COPY --from=other . /all/
        RUN test ! -e /all/hidden && cat /all/g
        FROM first AS last
        """);
    Outcome named =
        build(
                engine,
                "--build-context=base=docker-image://busybox",
                "--build-context",
                "other=" + other)
            .succeeded();
    has(named, "of the other");
    has(build(engine, "--build-context=base=/nowhere").exited(1), "no folder /nowhere");
    has(build(engine, "--build-context=base").exited(1), "expected key=value");
    has(build(engine, "--call=targets").succeeded(), "first");
    has(build(engine, "--call=outline", "--target=first").succeeded(), "ARG");
    Json.JsonObject targets =
        Json.parseObject(build(engine, "--call=targets,format=json").succeeded().out());
    assertEquals(2, targets.objects("targets").size());
    build(engine, "--check").succeeded();
    file("Dockerfile", "FROM busybox AS Base\n");
    has(build(engine, "--check").exited(1), "StageNameCasing");
    has(build(engine, "--call=check,format=json").exited(1).out(), "\"ruleName\"");
    has(build(engine, "--call=nonsense").exited(1), "unknown call nonsense");
  }

  @Test
  void progressHasEveryShapeAndFailuresTheirCodes(Engine engine) throws IOException {
    file("Dockerfile", "FROM busybox\nRUN echo some words; exit 3\n");
    Outcome plain = build(engine, "--progress=plain", "--no-cache").exited(3);
    has(plain.out(), "#2 [2/2] RUN echo some words; exit 3");
    has(plain.err(), "   2 | >>> RUN echo some words; exit 3");
    Outcome raw = build(engine, "--progress=rawjson", "--no-cache").exited(3);
    StringBuilder logs = new StringBuilder();
    boolean failed = false;
    for (String line : raw.out().lines().toList()) {
      Json.JsonObject status = Json.parseObject(line);
      for (Json.JsonObject log : status.objects("logs")) {
        byte[] data = Base64.getDecoder().decode(log.string("data", ""));
        logs.append(new String(data, StandardCharsets.UTF_8));
      }
      failed |= status.objects("vertexes").stream().anyMatch(v -> v.has("error"));
    }
    assertEquals("some words\n", logs.toString());
    assertTrue(failed, raw.out());
    String line =
        Needs.distribution().resolve("jdk/bin/java")
            + " @"
            + Needs.distribution().resolve("lib/cli.args")
            + " build --no-cache "
            + context;
    Outcome tty =
        Command.of(Needs.program("script").toString(), "-qec", line, "/dev/null")
            .with("DOCKER_HOST", "unix://" + engine.socket())
            .run()
            .exited(3);
    has(tty, "[+] Building ");
    has(tty, " => ERROR [2/2] RUN echo some words; exit 3");
    build(engine, "-q").exited(3);
    has(build(engine, "--progress=colourful").exited(1), "invalid progress colourful");
    has(engine.gantry("build").exited(1), "requires 1 argument");
    has(engine.gantry("build", "/nowhere").exited(1), "path \"/nowhere\" not found");
  }
}
