package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.engine.LayerFiles;
import dev.gantry.kernel.Tree;
import java.io.IOException;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A git repository as a context or a source of ADD: `URL#REF:FOLDER` or `URL?ref=…&subdir=…`.
/// Cloned by the machine's `git`, which sees no configuration of anybody, asks nobody anything,
/// runs no hooks and may use no protocol that reaches this machine's files. What a repository wants
/// to see comes from the client: its ssh agent, or the secrets that BuildKit has names for.
///
/// A login in a URL is taken out of it at once: arguments of programs can be seen by everybody, and
/// git would write it into the repository's configuration.
///
/// @param url what git is given; without a login
/// @param login `user:password` of the URL; empty for none
/// @param ref branch, tag or commit; empty for the repository's head
/// @param folder the part of it that is wanted; empty for all
/// @param checksum the beginning of the commit that it must be; empty for any
public record GitSource(
    String url,
    String login,
    String ref,
    String folder,
    String checksum,
    boolean keepGitFolder,
    boolean submodules) {
  private static final int PATIENCE_MINUTES = 10;
  private static final int MOST_OUTPUT = 64 << 10;
  private static final String SOCKETS = "gantry-ssh-";
  private static final Pattern LOGIN =
      Pattern.compile("((?:https?|git|ssh)://)([^/@]+)@(.*)", Pattern.CASE_INSENSITIVE);

  /// @param folder the files
  /// @param name the repository's name
  /// @param seconds when the commit was made, in seconds since the epoch
  public record Checkout(Path folder, String name, String commit, long seconds) {}

  /// Whether `text` names a git repository.
  public static boolean isGit(String text) {
    String plain = text.split("[#?]", 2)[0].toLowerCase(Locale.ROOT);
    return plain.startsWith("git://")
        || plain.startsWith("ssh://")
        || plain.matches("[a-z0-9._-]+@[a-z0-9._-]+:[^:].*")
        || plain.startsWith("github.com/")
        || plain.matches("https?://.+\\.git/?");
  }

  /// Whether it comes from elsewhere.
  static boolean isRemote(String text) {
    return isGit(text) || RemoteFile.isUrl(text);
  }

  /// Understands a URL with its fragment or query.
  ///
  /// @throws Failure.InvalidRequest if it cannot be understood
  public static GitSource parse(String text) {
    String[] parts = text.split("#", 2);
    String ref = "";
    String folder = "";
    if (parts.length > 1) {
      String[] fragment = parts[1].split(":", 2);
      ref = fragment[0];
      folder = fragment.length > 1 ? fragment[1] : "";
    }
    String[] query = parts[0].split("\\?", 2);
    Map<String, String> values = new LinkedHashMap<>();
    for (String field : query.length > 1 ? query[1].split("&") : new String[0]) {
      String[] pair = field.split("=", 2);
      values.put(
          pair[0], pair.length > 1 ? URLDecoder.decode(pair[1], StandardCharsets.UTF_8) : "true");
    }
    String url = query[0];
    for (String key : values.keySet()) {
      if (!List.of(
              "ref",
              "branch",
              "tag",
              "subdir",
              "checksum",
              "commit",
              "keep-git-dir",
              "submodules",
              "mtime",
              "fetch-by-commit")
          .contains(key)) {
        throw new Failure.InvalidRequest("unexpected query \"" + key + "\" of git URL " + url);
      }
    }
    if (values.containsKey("branch")) {
      ref = "refs/heads/" + values.get("branch");
    } else if (values.containsKey("tag")) {
      ref = "refs/tags/" + values.get("tag");
    }
    url = url.startsWith("github.com/") ? "https://" + url : url;
    Matcher login = LOGIN.matcher(url);
    boolean hasLogin = login.matches();
    boolean ssh = hasLogin && login.group(1).equalsIgnoreCase("ssh://");
    String given = hasLogin ? login.group(2) : "";
    String user = given.split(":", 2)[0];
    GitSource source =
        new GitSource(
            hasLogin ? login.group(1) + (ssh ? user + "@" : "") + login.group(3) : url,
            ssh ? "" : given,
            values.getOrDefault("ref", ref),
            values.getOrDefault("subdir", folder),
            values.getOrDefault("checksum", values.getOrDefault("commit", "")),
            values.getOrDefault("keep-git-dir", "false").matches("true|1"),
            values.getOrDefault("submodules", "true").matches("true|1"));
    if (source.url().startsWith("-") || source.ref().startsWith("-")) {
      throw new Failure.InvalidRequest("invalid git URL " + Redaction.urls(text));
    }
    return source;
  }

  @Override
  public String toString() {
    return url + "#" + ref + ":" + folder;
  }

  /// The same with what the flags of ADD say.
  GitSource with(Optional<Boolean> keep, String commit) {
    return new GitSource(
        url,
        login,
        ref,
        folder,
        commit.isEmpty() ? checksum : commit,
        keep.orElse(keepGitFolder),
        submodules);
  }

  /// The same with its folder `.git`, if `keep` says so or the URL did.
  public GitSource keeping(boolean keep) {
    return with(Optional.of(keep || keepGitFolder), "");
  }

  /// Fetches it.
  ///
  /// @param place an empty folder
  /// @param client whose ssh agent and secrets open the repository
  public Checkout checkout(Path place, BuildClient client)
      throws IOException, InterruptedException {
    Path home = Files.createDirectory(place.resolve("home"));
    Map<String, String> access = new LinkedHashMap<>();
    if (!isSsh()) {
      access.putAll(login(client));
      return checkout(place, home, access);
    }
    access.put("GIT_SSH_COMMAND", ssh(home));
    Optional<BuildClient.Agent> agent = client.agent("default");
    if (agent.isEmpty()) {
      return checkout(place, home, access);
    }
    // a socket's path must be short
    Path sockets = Files.createTempDirectory(SOCKETS + ProcessHandle.current().pid() + "-");
    Path socket = sockets.resolve("agent");
    try (AgentSocket _ = AgentSocket.listen(socket, agent.get())) {
      access.put("SSH_AUTH_SOCK", socket.toString());
      return checkout(place, home, access);
    } finally {
      Files.deleteIfExists(socket);
      Files.deleteIfExists(sockets);
    }
  }

  private Checkout checkout(Path place, Path home, Map<String, String> access)
      throws IOException, InterruptedException {
    Path work = Files.createDirectory(place.resolve("work"));
    git(work, home, access, "init", "--quiet");
    git(work, home, access, "remote", "add", "--", "origin", url);
    String wanted = ref.isEmpty() ? "HEAD" : ref;
    try {
      git(work, home, access, "fetch", "--quiet", "--depth", "1", "--no-tags", "origin", wanted);
      git(work, home, access, "checkout", "--quiet", "FETCH_HEAD");
    } catch (Failure.InvalidRequest e) {
      // a server that gives no parts, or the beginning of a commit's name
      git(
          work,
          home,
          access,
          "fetch",
          "--quiet",
          "--tags",
          "origin",
          "+refs/heads/*:refs/heads/*",
          "HEAD");
      String found = ref.isEmpty() ? "FETCH_HEAD" : commit(work, home, access);
      git(work, home, access, "checkout", "--quiet", "--detach", found);
    }
    if (submodules && Files.exists(work.resolve(".gitmodules"))) {
      git(
          work,
          home,
          access,
          "submodule",
          "update",
          "--quiet",
          "--init",
          "--recursive",
          "--depth",
          "1");
    }
    String commit = git(work, home, access, "rev-parse", "HEAD").strip();
    if (!commit.startsWith(checksum)) {
      throw new Failure.InvalidRequest(
          "expected checksum to match " + checksum + ", got " + commit + " (" + url + ")");
    }
    long seconds = Long.parseLong(git(work, home, access, "log", "-1", "--format=%ct").strip());
    String name = name();
    try (Tree tree = Tree.open(work.toString())) {
      String part = LayerFiles.resolve(tree, "/" + folder);
      if (!tree.status(part).map(Tree.Status::isDirectory).orElse(false)) {
        throw new Failure.InvalidRequest("the repository " + url + " has no folder " + folder);
      }
      if (!keepGitFolder) {
        tree.remove("/.git");
      }
      // as old as the commit, not as the clone: what is built of it is the same each time
      new Walk(tree, IgnoreFile.NONE, "/")
          .from("/", (path, below, status) -> age(tree, path, seconds));
      Files.setLastModifiedTime(work, FileTime.from(seconds, TimeUnit.SECONDS));
      return new Checkout(
          part.equals("/") ? work : work.resolve(part.substring(1)), name, commit, seconds);
    }
  }

  /// The top itself has no name in the tree.
  private static void age(Tree tree, String path, long seconds) throws IOException {
    if (!path.equals("/")) {
      tree.setTime(path, seconds, 0);
    }
  }

  private String name() {
    int end = url.length();
    while (end > 0 && url.charAt(end - 1) == '/') {
      end--;
    }
    String path = url.substring(0, end);
    path = path.endsWith(".git") ? path.substring(0, path.length() - 4) : path;
    return path.substring(Math.max(path.lastIndexOf('/'), path.lastIndexOf(':')) + 1);
  }

  private String commit(Path work, Path home, Map<String, String> access)
      throws IOException, InterruptedException {
    try {
      return git(work, home, access, "rev-parse", "--verify", "--quiet", ref + "^{commit}").strip();
    } catch (Failure.InvalidRequest e) {
      throw new Failure.InvalidRequest(
          "repository " + url + " does not contain ref " + ref, null, e);
    }
  }

  // ---- access

  private boolean isSsh() {
    return url.startsWith("ssh://") || !url.contains("://");
  }

  /// A host is believed when it is seen first: who builds cannot say which key it has. Keys and
  /// settings of this machine's users are not used.
  private static String ssh(Path home) {
    return "ssh -F /dev/null -o BatchMode=yes -o IdentityFile=none"
        + " -o StrictHostKeyChecking=accept-new -o GlobalKnownHostsFile=/etc/ssh/ssh_known_hosts"
        + " -o UserKnownHostsFile='"
        + home.resolve("known_hosts")
        + "'";
  }

  /// What the client's secrets say for the host (`GIT_AUTH_HEADER.host`, `GIT_AUTH_TOKEN.host`) or
  /// for all (without the host), as variables: arguments of programs can be seen by everybody.
  private Map<String, String> login(BuildClient client) throws IOException {
    URI uri;
    try {
      uri = URI.create(url);
    } catch (IllegalArgumentException e) {
      throw new Failure.InvalidRequest("invalid git URL " + url, null, e);
    }
    if (!List.of("http", "https").contains(uri.getScheme()) || uri.getRawAuthority() == null) {
      return Map.of();
    }
    String host = uri.getRawAuthority();
    for (String suffix : List.of("." + host, "")) {
      Optional<byte[]> header = client.secret("GIT_AUTH_HEADER" + suffix);
      Optional<byte[]> token =
          header.isPresent() ? Optional.empty() : client.secret("GIT_AUTH_TOKEN" + suffix);
      Optional<String> value =
          header
              .map(h -> new String(h, StandardCharsets.UTF_8).strip())
              .or(() -> token.map(GitSource::basic));
      if (value.isPresent()) {
        return header(uri, value.get());
      }
    }
    return login.isEmpty() ? Map.of() : header(uri, basic(decoded(login)));
  }

  private static Map<String, String> header(URI uri, String authorization) {
    return Map.of(
        "GIT_CONFIG_COUNT",
        "1",
        "GIT_CONFIG_KEY_0",
        "http." + uri.getScheme() + "://" + uri.getRawAuthority() + "/.extraHeader",
        "GIT_CONFIG_VALUE_0",
        "Authorization: " + authorization);
  }

  private static String decoded(String login) {
    String[] parts = login.split(":", 2);
    String password = parts.length < 2 ? "" : parts[1];
    try { // a plus is one here, unlike in forms
      return URLDecoder.decode(parts[0].replace("+", "%2B"), StandardCharsets.UTF_8)
          + ":"
          + URLDecoder.decode(password.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      return parts[0] + ":" + password;
    }
  }

  private static String basic(byte[] token) {
    return basic("x-access-token:" + new String(token, StandardCharsets.UTF_8).strip());
  }

  private static String basic(String pair) {
    return "basic " + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8));
  }

  // ---- the program

  /// Ends what a crash of the engine has left: programs that still fetch into `folder`, and places
  /// of sockets.
  static void sweep(Path folder) throws IOException {
    String below = folder.toRealPath() + "/";
    for (ProcessHandle process : ProcessHandle.allProcesses().toList()) {
      Path about = Path.of("/proc", Long.toString(process.pid()));
      try {
        boolean ours =
            Files.readSymbolicLink(about.resolve("cwd")).toString().startsWith(below)
                && Files.readString(about.resolve("environ"), StandardCharsets.ISO_8859_1)
                    .contains("HOME=" + below);
        if (ours) {
          boolean ignored = process.destroyForcibly();
        }
      } catch (IOException e) {
        continue; // it has ended, or is a thread of the kernel's
      }
    }
    Path passing = Path.of(System.getProperty("java.io.tmpdir"));
    try (DirectoryStream<Path> left = Files.newDirectoryStream(passing, SOCKETS + "*")) {
      for (Path place : left) {
        String owner = place.getFileName().toString().substring(SOCKETS.length()).split("-", 2)[0];
        boolean gone =
            owner.matches("[0-9]{1,18}") && ProcessHandle.of(Long.parseLong(owner)).isEmpty();
        if (gone) {
          Builder.remove(place);
        }
      }
    }
  }

  private String git(Path work, Path home, Map<String, String> access, String... words)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("git", "-C", work.toString()));
    command.addAll(List.of("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"));
    command.addAll(List.of("-c", "protocol.file.allow=never", "-c", "submodule.recurse=false"));
    command.addAll(List.of("-c", "safe.directory=*", "-c", "advice.detachedHead=false"));
    command.addAll(List.of(words));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    String path = System.getenv().getOrDefault("PATH", "/usr/bin:/bin");
    builder.environment().clear();
    builder
        .environment()
        .putAll(
            Map.of(
                "PATH", path,
                "HOME", home.toString(),
                "LC_ALL", "C",
                "GIT_CONFIG_NOSYSTEM", "1",
                "GIT_CONFIG_GLOBAL", "/dev/null",
                "GIT_TERMINAL_PROMPT", "0",
                "GIT_ALLOW_PROTOCOL", "http:https:git:ssh"));
    builder.environment().putAll(access);
    Path said = home.resolve("said");
    builder.redirectOutput(said.toFile());
    Process process;
    try {
      process = builder.start();
    } catch (IOException e) {
      throw new Failure.Unavailable("git contexts need the program git on the engine's machine", e);
    }
    try {
      process.getOutputStream().close();
      if (!process.waitFor(PATIENCE_MINUTES, TimeUnit.MINUTES)) {
        throw new Failure.TimedOut(
            "git took more than " + PATIENCE_MINUTES + " minutes for " + url);
      }
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      Process ignored = process.destroyForcibly();
    }
    String text;
    try (var in = Files.newInputStream(said)) {
      text = new String(in.readNBytes(MOST_OUTPUT), StandardCharsets.UTF_8);
    }
    if (process.exitValue() != 0) {
      throw new Failure.InvalidRequest(
          "failed to fetch git repository " + url + ": " + text.strip());
    }
    return text;
  }
}
