package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpContext;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.SimpleFileServer;
import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.RegistryServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// What builds take from elsewhere: files and archives by HTTP, git repositories of a server,
/// contexts; and what hostile ones of these cannot do.
class BuildSourcesIT extends BuildTest {
  private Path www = Path.of("");
  private HttpServer server;
  private String at = "";

  @BeforeEach
  void serve() throws IOException {
    www = Files.createDirectory(folder.resolve("www"));
    server =
        SimpleFileServer.createFileServer(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            www,
            SimpleFileServer.OutputLevel.NONE);
    server.start();
    at = "http://127.0.0.1:" + server.getAddress().getPort();
  }

  @AfterEach
  void end() {
    server.stop(0);
  }

  private static String git(Path place, String... words) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "git",
                "-C",
                place.toString(),
                "-c",
                "user.name=n",
                "-c",
                "user.email=e@e.example"));
    all.addAll(List.of(words));
    return Command.of(all).run().succeeded().out().strip();
  }

  /// A repository with two commits, the first tagged `v1`, behind plain HTTP; its second commit.
  private String repository() throws IOException {
    Path work = Files.createDirectory(folder.resolve("work"));
    git(work, "init", "--quiet", "-b", "main");
    Files.writeString(work.resolve("f"), "first\n");
    Files.createDirectory(work.resolve("sub"));
    Files.writeString(work.resolve("sub/g"), "below\n");
    git(work, "add", ".");
    git(work, "commit", "--quiet", "-m", "one");
    git(work, "tag", "v1");
    Files.writeString(work.resolve("f"), "second\n");
    git(work, "commit", "--quiet", "-am", "two");
    git(folder, "clone", "--quiet", "--bare", work.toString(), www.resolve("r.git").toString());
    git(www.resolve("r.git"), "update-server-info");
    return git(work, "rev-parse", "HEAD");
  }

  @Test
  void repositoriesAreAddedAsTheUrlSays(Engine engine) throws IOException {
    String commit = repository();
    String url = at + "/r.git";
    file(
        "Dockerfile",
        """
        FROM busybox
        ADD %1$s /plain
        ADD %1$s#v1 /ref
        ADD %1$s#main:sub /part
        ADD %1$s?tag=v1 /tag
        ADD %1$s?branch=main&subdir=sub /branch
        ADD %1$s?ref=main&keep-git-dir=true /kept
        ADD --keep-git-dir=true --checksum=%2$s %1$s#main /checked
        ADD %1$s?commit=%2$s&submodules=false&mtime=commit&fetch-by-commit=true /commit
        RUN cat /plain/f /ref/f /part/g /tag/f /branch/g /kept/f /checked/f /commit/f > /all; \\
            ls -d /kept/.git /checked/.git /plain/.git >> /all 2>/dev/null; true
        """
            .formatted(url, commit));
    Path out = folder.resolve("out");
    build(engine, "-o", out.toString()).succeeded();
    assertEquals(
        "second\nfirst\nbelow\nfirst\nbelow\nsecond\nsecond\nsecond\n/checked/.git\n/kept/.git\n",
        sorted(Files.readString(out.resolve("all"))));
    file("Dockerfile", "FROM scratch\nADD --checksum=" + "0".repeat(40) + " " + url + " /x\n");
    assertTrue(build(engine).err().contains("expected checksum to match"), "a wrong checksum");
    file("Dockerfile", "FROM scratch\nADD " + url + "?nonsense=1 /x\n");
    assertTrue(build(engine).err().contains("unexpected query"), "an unknown query");
  }

  /// Takes a login for everything below `/private`, and holds what it serves until it is let go.
  private CountDownLatch guarded(String login, CountDownLatch asked) {
    CountDownLatch go = new CountDownLatch(1);
    String wanted =
        "basic " + Base64.getEncoder().encodeToString(login.getBytes(StandardCharsets.UTF_8));
    HttpHandler files = SimpleFileServer.createFileHandler(www.resolve("private"));
    HttpContext _ =
        server.createContext(
            "/private",
            exchange -> {
              boolean known =
                  wanted.equalsIgnoreCase(exchange.getRequestHeaders().getFirst("Authorization"));
              if (!known) {
                exchange.getResponseHeaders().add("WWW-Authenticate", "Basic realm=x");
                exchange.sendResponseHeaders(401, -1);
                exchange.close();
                return;
              }
              asked.countDown();
              try {
                boolean ignored = go.await(60, TimeUnit.SECONDS);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              files.handle(exchange);
            });
    return go;
  }

  /// The login in a repository's URL opens it; nobody sees it in the list of processes, and it
  /// stays nowhere, not in the `.git` that is kept either.
  @Test
  void aLoginInAnUrlIsSeenNowhere(Engine engine) throws Exception {
    String _ = repository();
    String password = "p4ss-of-the-url-8812";
    Files.move(
        www.resolve("r.git"), Files.createDirectory(www.resolve("private")).resolve("r.git"));
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch go = guarded("user:" + password, asked);
    String url = at.replace("//", "//user:" + password + "@") + "/private/r.git";
    file(
        "Dockerfile",
        "FROM busybox\nARG URL\nADD --keep-git-dir=true ${URL}#main /r\n"
            + "RUN ! grep -r "
            + password.substring(0, 8)
            + " /r && cat /r/.git/config\n");
    Path out = folder.resolve("out");
    Process client = command(engine, "-o", out.toString(), "--build-arg", "URL=" + url).start();
    try {
      assertTrue(asked.await(60, TimeUnit.SECONDS), "nobody asks for the repository");
      List<String> shown = new ArrayList<>();
      long own = client.pid();
      ProcessHandle.allProcesses()
          .filter(p -> p.pid() != own && client.descendants().noneMatch(p::equals))
          .forEach(
              p -> p.info().commandLine().filter(c -> c.contains(password)).ifPresent(shown::add));
      assertEquals(List.of(), shown);
      go.countDown();
      assertTrue(client.waitFor(60, TimeUnit.SECONDS), "the build goes on");
    } finally {
      go.countDown();
      client.destroyForcibly().waitFor();
    }
    assertEquals(0, client.exitValue());
    assertEquals("second\n", Files.readString(out.resolve("r/f")));
    assertFalse(Files.readString(out.resolve("r/.git/config")).contains(password));
  }

  /// The lines as they are, the two of `ls` in the order of their names.
  private static String sorted(String text) {
    List<String> lines = new ArrayList<>(text.lines().toList());
    lines.subList(8, lines.size()).sort(String::compareTo);
    return String.join("\n", lines) + "\n";
  }

  @Test
  void urlsAreFetchedAndChecked(Engine engine) throws IOException {
    Files.writeString(www.resolve("f.txt"), "x\n");
    String sum = "sha256:73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac";
    file(
        "Dockerfile",
        """
        FROM busybox
        ADD %1$s/f.txt /d/
        ADD --checksum=%2$s --chmod=644 --chown=5:6 %1$s/f.txt /named
        RUN stat -c '%%a %%u %%g %%n' /d/f.txt /named > /all; cat /named >> /all
        """
            .formatted(at, sum));
    Path out = folder.resolve("out");
    build(engine, "-o", out.toString()).succeeded();
    assertEquals("600 0 0 /d/f.txt\n644 5 6 /named\nx\n", Files.readString(out.resolve("all")));
    file("Dockerfile", "FROM scratch\nADD --checksum=" + sum + " " + at + "/other /x\n");
    Files.writeString(www.resolve("other"), "other");
    assertTrue(build(engine).err().contains("digest mismatch"), "another content");
    file("Dockerfile", "FROM scratch\nADD " + at + "/nothing /x\n");
    assertTrue(build(engine).err().contains("invalid response status 404"), "nothing there");
  }

  @Test
  void archivesAreUnpackedByTheirContent(Engine engine) throws IOException {
    Path made = Files.createDirectory(folder.resolve("made"));
    Files.writeString(made.resolve("inside"), "data\n");
    for (String[] way :
        new String[][] {{"cf", "plain"}, {"czf", "gzip"}, {"cjf", "bzip2"}, {"cJf", "xz"}}) {
      Command.of("tar", way[0], context.resolve(way[1]).toString(), "-C", made.toString(), "inside")
          .run()
          .succeeded();
    }
    Files.copy(context.resolve("gzip"), www.resolve("a.tgz"));
    file(
        "Dockerfile",
        """
        FROM busybox
        ADD plain /plain/
        ADD gzip /gzip/
        ADD bzip2 /bzip2/
        ADD xz /xz/
        ADD %1$s/a.tgz /remote/
        ADD --unpack %1$s/a.tgz /unpacked/
        RUN cat /*/inside > /all; ls /remote >> /all
        """
            .formatted(at));
    Path out = folder.resolve("out");
    build(engine, "-o", out.toString()).succeeded();
    assertEquals("data\n".repeat(5) + "a.tgz\n", Files.readString(out.resolve("all")));
  }

  /// Archives that would write outside: whatever comes of them stays in the image.
  @Test
  void hostileArchivesStayInside(Engine engine) throws IOException {
    Path victim = folder.resolve("victim");
    Path work = Files.createDirectory(folder.resolve("evil"));
    Files.writeString(work.resolve("f"), "evil");
    Files.createSymbolicLink(work.resolve("out"), folder);
    Command.of(
            "tar",
            "-C",
            work.toString(),
            "-P",
            "-cf",
            context.resolve("up.tar").toString(),
            "--transform",
            "s,^f$," + "../".repeat(20) + victim.toString().substring(1) + ",",
            "f")
        .run()
        .succeeded();
    Command.of(
            "sh",
            "-c",
            "cd '"
                + work
                + "' && tar -cf ../context/link.tar out && mkdir ../t && cd ../t && mkdir out &&"
                + " echo evil > out/victim && tar -rf ../context/link.tar out/victim")
        .run()
        .succeeded();
    for (String archive : List.of("up.tar", "link.tar")) {
      file("Dockerfile", "FROM busybox\nADD " + archive + " /x/\n");
      int code = build(engine, "-t", "contained").code();
      assertTrue(code == 0 || code == 1, archive);
      assertFalse(Files.exists(victim), archive + " wrote outside");
    }
  }

  @Test
  void contextsComeFromElsewhere(Engine engine) throws IOException {
    Path tree = Files.createDirectory(folder.resolve("tree"));
    Files.writeString(tree.resolve("Dockerfile"), "FROM scratch\nCOPY . /c/\n");
    Files.writeString(tree.resolve(".dockerignore"), "hidden\n");
    Files.writeString(tree.resolve("hidden"), "1");
    Files.writeString(tree.resolve("shown"), "2");
    Command.of("tar", "czf", www.resolve("c.tgz").toString(), "-C", tree.toString(), ".")
        .run()
        .succeeded();
    Files.writeString(www.resolve("Lone"), "FROM busybox\nLABEL lone=1\n");
    Path out = folder.resolve("out");
    engine.gantry("build", "-o", out.toString(), at + "/c.tgz").succeeded();
    assertTrue(Files.exists(out.resolve("c/shown")));
    assertFalse(Files.exists(out.resolve("c/hidden")), "ignored in a context from elsewhere too");
    byte[] tar = Files.readAllBytes(www.resolve("c.tgz"));
    Path second = folder.resolve("second");
    engine.gantryCommand("build", "-o", second.toString(), "-").input(tar).run().succeeded();
    assertFalse(Files.exists(second.resolve("c/hidden")));
    String lone = "FROM busybox\nLABEL from=stdin\n";
    engine.gantryCommand("build", "-t", "lone", "-").input(lone).run().succeeded();
    assertEquals(
        "stdin",
        engine.docker("inspect", "-f", "{{index .Config.Labels \"from\"}}", "lone").line());
  }

  @Test
  void aBaseOfAnotherPlatformIsToldOf(Engine engine) throws IOException {
    engine
        .gantryCommand("import", "--platform", "linux/arm64", "-", "elsewhere:1")
        .input(Busybox.tar())
        .run()
        .succeeded();
    file("Dockerfile", "FROM elsewhere:1\nLABEL a=1\n");
    String said = build(engine, "--progress=plain").succeeded().err();
    assertTrue(said.contains("InvalidBaseImagePlatform"), said);
    assertTrue(said.contains("linux/arm64"), said);
  }

  @Test
  void outputsNameAndPush(Engine engine) throws IOException {
    try (RegistryServer registry = RegistryServer.gantry()) {
      String name = registry.address() + "/named:1";
      file("Dockerfile", "FROM busybox\nLABEL pushed=1\n");
      build(
              engine,
              "-o",
              "type=image,\"name=" + name + ",second:1\",push=false,annotation.org.example.k=v")
          .succeeded();
      assertFalse(engine.docker("images", "-q", "second:1").out().isEmpty());
      engine.docker("rmi", name, "second:1").succeeded();
      build(engine, "-o", "type=registry,name=" + name).succeeded();
      engine.docker("rmi", name).succeeded();
      engine.docker("pull", name).succeeded();
      assertEquals(
          "1", engine.docker("inspect", "-f", "{{index .Config.Labels \"pushed\"}}", name).line());
    }
  }

  /// Text of a file with bytes that are no text at all.
  @Test
  void hostileDockerfilesAreRefused(Engine engine) throws IOException {
    file("Dockerfile", "FROM busybox\n" + "ENV A=${A:-".repeat(5000) + "\n");
    assertEquals(1, build(engine).code());
    file("Dockerfile", "FROM busybox\nCOPY " + "../".repeat(100) + "etc/passwd /x\n");
    assertEquals(1, build(engine).code());
    Files.write(context.resolve("Dockerfile"), new byte[] {0, (byte) 0xff, (byte) 0xfe, 10, 0});
    assertEquals(1, build(engine).code());
    Files.delete(context.resolve("Dockerfile"));
    Files.createSymbolicLink(context.resolve("Dockerfile"), Path.of("/etc/passwd"));
    Outcome outside = build(engine);
    assertEquals(1, outside.code());
    assertFalse((outside.out() + outside.err()).contains("root:"), outside.err());
    assertTrue(
        new String(Files.readAllBytes(Path.of("/etc/passwd")), StandardCharsets.UTF_8)
            .contains("root:"));
  }
}
