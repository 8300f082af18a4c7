package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.SimpleFileServer;
import dev.gantry.json.Json;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The flags of `docker buildx build`, one after the other, as the real client sends them. The
/// table in docs/flows/buildkit.md says of each what it does here.
class BuildxFlagsIT extends BuildxTest {
  private static void hasNot(Outcome outcome, String text) {
    assertFalse((outcome.out() + outcome.err()).contains(text), () -> text + " in " + outcome);
  }

  // ---- what steps get

  @Test
  void stepsGetTheirHostsLimitsAndNetwork(Engine engine) throws IOException {
    file(
        "Dockerfile",
        """
        FROM busybox
        RUN grep -E 'one|gw' /etc/hosts; echo "files $(ulimit -n)"; grep ' /dev/shm ' /proc/mounts
        RUN echo "in $(cat /proc/self/cgroup)"; echo "links $(ls /sys/class/net | tr '\\n' ' ')"
        """);
    Outcome first =
        build(
                engine,
                "--add-host=one:192.0.2.7",
                "--add-host=gw:host-gateway",
                "--shm-size=10m",
                "--ulimit=nofile=100:200",
                "--cgroup-parent=" + engine.name() + "/steps",
                "--network=none")
            .succeeded();
    has(first, "192.0.2.7\tone");
    has(first, engine.bridgeAddress().replaceFirst("/.*", "") + "\tgw");
    has(first, "files 100");
    has(first, "size=10240k");
    has(first, engine.name() + "/steps/");
    withoutGroups(engine);
    has(first, "links lo \n");
    has(build(engine, "--no-cache", "--network=default").succeeded(), "eth0");
    file(
        "Dockerfile",
        "FROM busybox\nRUN --network=host ls /sys/class/net | grep -q " + engine.name());
    has(build(engine).exited(1), "network.host is not allowed");
    build(engine, "--allow=network.host").succeeded();
    file("Dockerfile", "FROM busybox\nRUN ls /sys/class/net | grep -q " + engine.name());
    build(engine, "--network=host").succeeded();
    file("Dockerfile", "FROM busybox\nRUN --security=insecure mount -t tmpfs none /mnt");
    Files.createDirectories(context.resolve("mnt"));
    has(build(engine).exited(1), "security.insecure is not allowed");
    file("Dockerfile", "FROM busybox\nRUN --security=insecure mkdir /m && mount -t tmpfs t /m");
    build(engine, "--allow=security.insecure").succeeded();
    has(build(engine).exited(1), "security.insecure is not allowed"); // nor from the cache
  }

  /// The parent's groups are the user's to remove, once those of the steps are gone.
  static void withoutGroups(Engine engine) {
    String[] find = {"find", "/sys/fs/cgroup", "-path", "*/" + engine.name() + "/steps"};
    dev.gantry.testkit.Eventually.within(
        java.time.Duration.ofSeconds(60),
        () -> "groups are left",
        () -> {
          for (String group : Command.of(find).run().out().lines().toList()) {
            boolean ignored = Path.of(group).toFile().delete();
          }
          return Command.of(find).run().out().isBlank();
        });
  }

  @Test
  void argumentsLabelsTargetsAndTheCacheAreChosen(Engine engine) throws IOException {
    file(
        "Dockerfile",
        """
        FROM busybox AS one
        ARG A=unset
        RUN echo "A is $A"; head -c 8 /dev/urandom | od -An -tx1 > /one
        FROM one AS two
        RUN head -c 8 /dev/urandom | od -An -tx1 > /two
        FROM two AS three
        RUN exit 3
        """);
    String[] words = {
      "--target=two", "--build-arg=A=given", "--label=l=m", "-tflags:1", "-tflags:2"
    };
    has(build(engine, words).succeeded(), "A is given");
    String files = sh(engine, "flags:2", "cat /one /two");
    assertEquals("m", engine.docker("inspect", "-f", "{{.Config.Labels.l}}", "flags:1").line());
    build(engine, words).succeeded();
    assertEquals(files, sh(engine, "flags:1", "cat /one /two"));
    build(
            engine,
            Stream.concat(Stream.of("--no-cache-filter=two"), Stream.of(words))
                .toArray(String[]::new))
        .succeeded();
    String filtered = sh(engine, "flags:1", "cat /one /two");
    assertEquals(files.lines().findFirst(), filtered.lines().findFirst());
    assertFalse(files.equals(filtered));
    build(engine, Stream.concat(Stream.of("--no-cache"), Stream.of(words)).toArray(String[]::new))
        .succeeded();
    assertFalse(
        files.lines().findFirst().equals(sh(engine, "flags:1", "cat /one").lines().findFirst()));
    has(build(engine).exited(1), "exit code: 3");
    has(build(engine, "--target=four").exited(1), "target stage \"four\" could not be found");
    has(build(engine, "--pull", "--target=two").exited(1), "busybox"); // no registry has it
  }

  // ---- secrets and agents

  @Test
  void secretsComeFromFilesAndVariables(Engine engine) throws IOException {
    file(
        "Dockerfile",
        """
        FROM busybox
        RUN --mount=type=secret,id=file,required,target=/s,mode=0444,uid=7 \\
            wc -c < /s && stat -c %u:%a /s
        RUN --mount=type=secret,id=variable,env=V,required test ${#V} = 15
        RUN --mount=type=secret,id=none test ! -e /run/secrets/none
        """);
    Path secret = Files.writeString(folder.resolve("secret"), "hidden-file");
    Command build =
        command(
                engine,
                "-tsecrets:1",
                "--secret=id=file,src=" + secret,
                "--secret=id=variable,env=GIVEN")
            .with("GIVEN", "hidden-variable");
    has(build.run().succeeded(), "7:444");
    has(
        build(engine, "--no-cache", "--secret=id=file,src=" + secret).exited(1),
        "secret variable: not found");
    hasNot(engine.docker("history", "--no-trunc", "secrets:1").succeeded(), "hidden");
  }

  @Test
  void agentsSignForStepsAndForGit(Engine engine) throws Exception {
    Path key = folder.resolve("key");
    Path socket = folder.resolve("agent");
    Needs.program("ssh-agent");
    Command.of("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key.toString())
        .run()
        .succeeded();
    Process agent = Command.of("ssh-agent", "-D", "-a", socket.toString()).start();
    try {
      dev.gantry.testkit.Eventually.within(
          java.time.Duration.ofSeconds(30), () -> "no agent", () -> Files.exists(socket));
      Command.of("ssh-add", key.toString())
          .with("SSH_AUTH_SOCK", socket.toString())
          .run()
          .succeeded();
      withLibraries(context, "ssh-add");
      file(
          "Dockerfile",
          "FROM busybox\nCOPY root /\nRUN --mount=type=ssh ssh-add -L\n"
              + "RUN --mount=type=ssh,id=other,required true\n");
      Outcome both =
          command(engine, "--ssh=default=" + socket, "--ssh=other=" + key).run().succeeded();
      has(both, Files.readString(Path.of(key + ".pub")).split(" ")[1]);
      has(
          command(engine, "--no-cache", "--ssh=default=" + socket).run().exited(1),
          "no SSH key \"other\" forwarded from the client");
      gitOverSsh(engine, key, socket);
    } finally {
      agent.destroy();
      agent.waitFor();
    }
  }

  /// Puts a program of this machine with its libraries into the context's folder `root`.
  static void withLibraries(Path context, String program) throws IOException {
    Path real = Needs.program(program).toRealPath();
    Path to = Files.createDirectories(context.resolve("root/bin")).resolve(program);
    Files.copy(real, to);
    for (String word : Command.of("ldd", real.toString()).run().succeeded().out().split("\\s+")) {
      if (word.startsWith("/")) {
        Path place = context.resolve("root" + word);
        Files.createDirectories(place.resolveSibling("."));
        Files.copy(Path.of(word).toRealPath(), place);
      }
    }
  }

  private void gitOverSsh(Engine engine, Path key, Path socket) throws Exception {
    Needs.program("sshd");
    Path repository = repository();
    Files.createDirectories(Path.of("/run/sshd"));
    Path home = Files.createDirectory(folder.resolve("sshd"));
    Command.of("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home.resolve("host").toString())
        .run()
        .succeeded();
    int port;
    try (var probe = new java.net.ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = probe.getLocalPort();
    }
    Path settings =
        Files.writeString(
            home.resolve("settings"),
            """
            Port %d
            ListenAddress 127.0.0.1
            HostKey %s/host
            AuthorizedKeysFile %s.pub
            StrictModes no
            PidFile none
            UsePAM no
            PermitRootLogin yes
            """
                .formatted(port, home, key));
    Process server =
        Command.of(Needs.program("sshd").toString(), "-D", "-e", "-f", settings.toString()).start();
    try {
      dev.gantry.testkit.Eventually.within(
          java.time.Duration.ofSeconds(30), () -> "no sshd", () -> listens(port));
      String url = "ssh://root@127.0.0.1:" + port + repository + "#main:sub";
      Outcome built = plain(engine, "--ssh=default=" + socket, "--no-cache", url).run().succeeded();
      has(built, "content of sub");
      String other = "--ssh=default=" + home.resolve("host"); // a key that nobody lets in
      has(plain(engine, other, url).run().exited(1), "Permission denied");
    } finally {
      server.destroy();
      server.waitFor();
    }
  }

  private static boolean listens(int port) {
    try (var socket = new java.net.Socket(InetAddress.getLoopbackAddress(), port)) {
      return socket.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

  // ---- contexts

  /// A bare repository with a Dockerfile in it and in its folder `sub`.
  private Path repository() throws IOException {
    Needs.program("git");
    Path work = Files.createDirectories(folder.resolve("www/work"));
    Path bare = folder.resolve("www/repo.git");
    for (Path place : List.of(work, Files.createDirectories(work.resolve("sub")))) {
      Files.writeString(place.resolve("f"), "content of " + place.getFileName() + "\n");
      Files.writeString(place.resolve("Dockerfile"), "FROM busybox\nCOPY f /f\nRUN cat /f\n");
      Files.writeString(
          place.resolve("Other"), "FROM busybox\nCOPY f /g\nRUN echo other; cat /g\n");
    }
    git(work, "init", "-q", "-b", "main", ".");
    git(work, "add", ".");
    git(work, "-c", "user.name=n", "-c", "user.email=a@b", "commit", "-q", "-m", "one");
    git(work, "clone", "-q", "--bare", ".", bare.toString());
    git(bare, "update-server-info");
    return bare;
  }

  private static void git(Path place, String... words) {
    Command command =
        Command.of(
            Stream.concat(Stream.of("git", "-C", place.toString()), Stream.of(words)).toList());
    command.run().succeeded();
  }

  @Test
  void contextsComeFromGitHttpAndStandardInput(Engine engine) throws IOException {
    repository();
    Path www = folder.resolve("www");
    Command.of(
            "tar", "czf", www.resolve("c.tgz").toString(), "-C", www.resolve("work/sub") + "", ".")
        .run()
        .succeeded();
    Files.writeString(www.resolve("lone"), "FROM busybox\nRUN echo a lone file\n");
    HttpServer server =
        SimpleFileServer.createFileServer(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            www,
            SimpleFileServer.OutputLevel.NONE);
    server.start();
    try {
      String at = "http://127.0.0.1:" + server.getAddress().getPort();
      String git = at + "/repo.git";
      has(plain(engine, "--no-cache", git).run().succeeded(), "content of work");
      has(plain(engine, "--no-cache", git + "#main:sub").run().succeeded(), "content of sub");
      has(plain(engine, "-f", "Other", git + "#main:sub").run().succeeded(), "other");
      has(plain(engine, git + "#nowhere").run().exited(1), "does not contain ref nowhere");
      String whole = "FROM busybox\nCOPY . /all/\nRUN ls -a /all\n";
      String[] kept = {"-f", "-", "--build-arg=BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", git};
      has(plain(engine, kept).input(whole).run().succeeded(), " .git\n");
      hasNot(plain(engine, "-f", "-", git).input(whole).run().succeeded(), " .git\n");
      has(plain(engine, "--no-cache", at + "/c.tgz").run().succeeded(), "content of sub");
      has(plain(engine, at + "/lone").run().succeeded(), "a lone file");
      has(plain(engine, at + "/nothing.tgz").run().exited(1), "invalid response status 404");
      String stdin = "FROM busybox\nCOPY f /h\nRUN echo given; cat /h\n";
      Outcome given = plain(engine, "-f", "-", git + "#main:sub").input(stdin).run().succeeded();
      has(given, "given");
      has(given, "content of sub");
      file("Dockerfile", "FROM busybox\nCOPY --from=r sub/f /f\nRUN cat /f\n");
      has(build(engine, "--no-cache", "--build-context=r=" + git).succeeded(), "content of sub");
      byte[] tar =
          Command.of("tar", "c", "-C", www.resolve("work") + "", ".").run().succeeded().bytes();
      has(plain(engine, "--no-cache", "-").input(tar).run().succeeded(), "content of work");
    } finally {
      server.stop(0);
    }
  }

  /// A login goes to the server that it is for; no argument of a program shows it.
  @Test
  void tokensOpenRepositories(Engine engine) throws IOException {
    Path bare = repository();
    String wanted =
        "basic "
            + Base64.getEncoder()
                .encodeToString("x-access-token:t0ken".getBytes(StandardCharsets.UTF_8));
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    var files = SimpleFileServer.createFileHandler(bare.resolveSibling("."));
    server.createContext(
        "/",
        exchange -> {
          if (wanted.equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
            files.handle(exchange);
          } else {
            exchange.getResponseHeaders().add("WWW-Authenticate", "Basic realm=\"git\"");
            exchange.sendResponseHeaders(401, -1);
            exchange.close();
          }
        });
    server.start();
    try {
      String host = "127.0.0.1:" + server.getAddress().getPort();
      String url = "http://" + host + "/repo.git";
      Path token = Files.writeString(folder.resolve("token"), "t0ken\n");
      has(plain(engine, url).run().exited(1), "failed to fetch git repository");
      plain(engine, "--secret=id=GIT_AUTH_TOKEN." + host + ",src=" + token, url).run().succeeded();
      plain(engine, "--secret=id=GIT_AUTH_TOKEN,src=" + token, url).run().succeeded();
      Path header = Files.writeString(folder.resolve("header"), wanted);
      plain(engine, "--secret=id=GIT_AUTH_HEADER,src=" + header, url).run().succeeded();
    } finally {
      server.stop(0);
    }
  }

  @Test
  void contextsHaveNames(Engine engine) throws IOException {
    Path named = Files.createDirectories(folder.resolve("named"));
    Files.writeString(named.resolve("g"), "named\n");
    Files.writeString(named.resolve("left"), "out\n");
    Files.writeString(named.resolve(".dockerignore"), "left\n");
    file("Dockerfile", "FROM base\nCOPY --from=dir . /d/\nRUN ls /d; cat /d/g\n");
    Outcome built =
        build(engine, "--build-context=base=docker-image://busybox", "--build-context=dir=" + named)
            .succeeded();
    has(built, "named");
    hasNot(built, "left");
    file("Dockerfile", "FROM busybox AS made\nRUN exit 7\nFROM made\nRUN echo replaced\n");
    has(
        build(engine, "--build-context=made=docker-image://docker.io/library/busybox:latest")
            .succeeded(),
        "replaced");
  }

  // ---- results

  @Test
  void resultsGoToSeveralPlacesAtOnce(Engine engine) throws IOException {
    file("f", "one\n");
    file("Dockerfile", "FROM scratch\nCOPY f /d/f\n");
    Path out = folder.resolve("out");
    Path tar = folder.resolve("out.tar");
    Path metadata = folder.resolve("metadata");
    build(
            engine,
            "-otype=local,dest=" + out,
            "-otype=tar,dest=" + tar,
            "-otype=image,name=several:1",
            "--metadata-file=" + metadata)
        .succeeded();
    assertEquals("one\n", Files.readString(out.resolve("d/f")));
    has(Command.of("tar", "tf", tar.toString()).run().succeeded(), "d/f");
    String id = engine.docker("inspect", "-f", "{{.Id}}", "several:1").line();
    Json.JsonObject said = Json.parseObject(Files.readString(metadata));
    assertEquals(id, said.string("containerimage.config.digest", ""));
    Json.JsonObject provenance = said.object("buildx.build.provenance").orElseThrow();
    assertEquals("https://mobyproject.org/buildkit@v1", provenance.string("buildType", ""));
    Path iid = folder.resolve("iid");
    assertEquals(
        id,
        docker(engine, "buildx", "build", "-q", "--iidfile", iid + "", context + "")
            .run()
            .succeeded()
            .line());
    assertEquals(id, Files.readString(iid));
    has(docker(engine, "buildx", "build", "-o-", context + "").run().succeeded(), "one\n");
    build(engine, "-otype=cacheonly").succeeded();
    build(engine, "--load", "-tloaded:1").succeeded();
    assertEquals(id, engine.docker("inspect", "-f", "{{.Id}}", "loaded:1").line());
  }

  // ---- questions

  @Test
  void frontendsAnswerQuestions(Engine engine) throws IOException {
    file(
        "Dockerfile",
        """
        # VERSION the image's version
        ARG VERSION=1
        # base what all stand on
        FROM busybox AS base
        ARG VERSION
        RUN --mount=type=secret,id=tok --mount=type=ssh true
        FROM base AS Last
        """);
    Outcome check = build(engine, "--call=check,format=json").exited(1);
    has(check, "\"ruleName\"");
    has(check, "StageNameCasing");
    has(build(engine, "--check").exited(1), "StageNameCasing");
    Outcome outline = build(engine, "--call=outline").succeeded();
    has(outline, "VERSION");
    has(outline, "tok");
    has(build(engine, "--call=outline", "--target=base").succeeded(), "what all stand on");
    Outcome targets = build(engine, "--call=targets,format=json").succeeded();
    assertEquals(2, Json.parseObject(targets.out()).objects("targets").size());
    has(build(engine, "--call=subrequests.describe").succeeded(), "outline");
    has(build(engine, "--call=nonsense").exited(1), "unsupported request frontend.nonsense");
  }

  /// What would need definitions (LLB) is refused in words.
  @Test
  void otherFrontendsAreRefused(Engine engine) throws IOException {
    file("Dockerfile", "# syntax=example.com/other/frontend:1\nbuild: anything\n");
    has(build(engine).exited(1), "the frontend example.com/other/frontend:1 (# syntax=) is not");
    file("Dockerfile", "# syntax=mirror.example.com/docker/dockerfile:1.7-labs\nFROM busybox\n");
    build(engine).succeeded();
    build(engine, "--build-arg=BUILDKIT_SYNTAX=docker/dockerfile:1.7").succeeded();
    has(
        build(engine, "--build-arg=BUILDKIT_SYNTAX=example.com/other").exited(1),
        "the frontend example.com/other");
  }

  // ---- progress

  @Test
  void progressHasEveryShape(Engine engine) throws IOException {
    file("Dockerfile", "FROM busybox\nRUN echo some words\n");
    Outcome raw =
        docker(engine, "buildx", "build", "--no-cache", "--progress=rawjson", context + "").run();
    boolean said = false;
    for (String line : raw.succeeded().err().lines().toList()) {
      said |= Json.parseObject(line).has("logs");
    }
    assertTrue(said, raw.err());
    for (String shape : List.of("quiet", "none", "auto")) {
      docker(engine, "buildx", "build", "--progress=" + shape, context + "").run().succeeded();
    }
    Outcome tty =
        Command.of(Needs.program("script").toString(), "-qec", onTerminal(), "/dev/null")
            .with("DOCKER_HOST", "unix://" + engine.socket())
            .with("DOCKER_CONFIG", Needs.dockerConfig().toString())
            .with("BUILDX_CONFIG", folder.resolve("buildx").toString())
            .run()
            .succeeded();
    has(tty, "FINISHED");
    has(tty, "[2/2] RUN echo some words");
  }

  private String onTerminal() {
    return Needs.dockerClient() + " buildx build --no-cache --progress=tty " + context;
  }

  // ---- looking after it

  @Test
  void theBuilderIsLookedAfter(Engine engine) throws IOException {
    file("f", "of the builder\n");
    file(
        "Dockerfile",
        "FROM busybox\nCOPY f /f\nRUN --mount=type=cache,target=/kept echo x > /kept/f\n");
    build(engine, "-tlooked:1").succeeded();
    file("Dockerfile", "FROM busybox\nRUN exit 5\n");
    build(engine).exited(1);
    has(docker(engine, "buildx", "ls").run().succeeded(), "linux/amd64");
    has(docker(engine, "buildx", "inspect", "--bootstrap").run().succeeded(), "running");
    String[] ls = {"buildx", "history", "ls", "--format={{.Ref}} {{.Status}}", "--no-trunc"};
    List<String> records = docker(engine, ls).run().succeeded().out().lines().toList();
    assertTrue(records.get(0).endsWith("Error"), records.toString());
    assertTrue(records.get(1).endsWith("Completed"), records.toString());
    String ref = records.get(1).split(" ")[0].replaceFirst(".*/", "");
    has(docker(engine, "buildx", "history", "inspect", ref).run().succeeded(), "slsa.dev");
    has(docker(engine, "buildx", "history", "logs", ref).run().succeeded(), "COPY f /f");
    Path export = folder.resolve("record.dockerbuild");
    docker(engine, "buildx", "history", "export", "-o", export + "", ref).run().succeeded();
    assertTrue(Files.size(export) > 0);
    docker(engine, "buildx", "history", "rm", ref).run().succeeded();
    hasNot(docker(engine, ls).run().succeeded(), ref);
    has(docker(engine, "buildx", "du").run().succeeded(), "Total:");
    docker(engine, "buildx", "prune", "-f", "--filter=until=24h", "--max-used-space=10gb")
        .run()
        .succeeded();
    docker(engine, "buildx", "prune", "-af").run().succeeded();
  }
}
