package dev.gantry.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/// The ssh agents that `--ssh` names: sockets of agents that run, or key files, which an agent of
/// our own (OpenSSH's) holds as long as the build runs.
final class SshAgents implements AutoCloseable {
  private static final int PATIENCE_SECONDS = 30;

  private final Map<String, Path> sockets = new LinkedHashMap<>();
  private final List<Process> started = new ArrayList<>();
  private final List<Path> folders = new ArrayList<>();

  /// @param wanted `default`, `NAME=SOCKET` or `NAME=KEY[,KEY…]`
  SshAgents(List<String> wanted) throws IOException {
    try {
      for (String text : wanted) {
        String[] pair = text.split("=", 2);
        sockets.put(pair[0].isEmpty() ? "default" : pair[0], socket(pair));
      }
    } catch (IOException | RuntimeException e) {
      close();
      throw e;
    }
  }

  /// Sockets by name.
  Map<String, Path> sockets() {
    return sockets;
  }

  private Path socket(String[] pair) throws IOException {
    String text = pair.length > 1 ? pair[1] : Surroundings.variable("SSH_AUTH_SOCK");
    if (text.isEmpty()) {
      throw new Exit(1, "invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set");
    }
    List<Path> paths = new ArrayList<>();
    for (String one : text.split(",")) {
      Path path = Surroundings.ours().absolute(Path.of(one));
      if (!Files.exists(path)) {
        throw new Exit(1, "failed to stat " + path + ": no such file or directory");
      }
      paths.add(path);
    }
    boolean keys = paths.stream().allMatch(Files::isRegularFile);
    if (!keys && paths.size() > 1) {
      throw new Exit(1, "only a single socket can be given for an ssh agent: " + text);
    }
    return keys ? holding(paths) : paths.getFirst();
  }

  /// An agent of our own with these keys.
  private Path holding(List<Path> keys) throws IOException {
    Path folder = Files.createTempDirectory("gantry-ssh"); // only its owner may enter
    folders.add(folder);
    Path socket = folder.resolve("agent");
    Process agent =
        start(Surroundings.ours().program(List.of("ssh-agent", "-D", "-a", socket.toString())));
    started.add(agent);
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (!Files.exists(socket)) {
      if (!agent.isAlive() || System.nanoTime() > end) {
        throw new Exit(1, "ssh-agent does not start");
      }
      pause();
    }
    List<String> words = new ArrayList<>(List.of("ssh-add", "-q"));
    keys.forEach(key -> words.add(key.toString()));
    ProcessBuilder add = Surroundings.ours().program(words).redirectErrorStream(true);
    add.environment().put("SSH_AUTH_SOCK", socket.toString());
    add.environment().remove("DISPLAY"); // nobody asks for a passphrase in a window
    Process adding = start(add);
    adding.getOutputStream().close();
    String said =
        new String(adding.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
    if (ended(adding) != 0) {
      throw new Exit(1, "could not take the ssh key " + keys + ": " + said.strip());
    }
    return socket;
  }

  private static Process start(ProcessBuilder builder) {
    try {
      return Surroundings.ours().start(builder);
    } catch (IOException e) {
      throw new Exit(
          1, "an ssh key needs the programs ssh-agent and ssh-add (OpenSSH): " + e.getMessage());
    }
  }

  private static int ended(Process process) {
    try {
      if (process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        return process.exitValue();
      }
      Process _ = process.destroyForcibly();
      return -1;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return -1;
    }
  }

  private static void pause() {
    try {
      Thread.sleep(5);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Exit(130, "interrupted");
    }
  }

  @Override
  public void close() throws IOException {
    started.forEach(Process::destroy);
    for (Path folder : folders) {
      Files.deleteIfExists(folder.resolve("agent"));
      Files.deleteIfExists(folder);
    }
  }
}
